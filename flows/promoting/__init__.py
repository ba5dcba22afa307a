"""Models after a run: registered, judged beside the champion, promoted or refused, rolled back."""
