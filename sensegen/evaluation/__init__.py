"""How good synthetic windows are: judged from windows alone, whoever made them."""
