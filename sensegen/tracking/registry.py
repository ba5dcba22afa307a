"""Models that are ready to be used: versions of one registered model, of which one is the champion.

A version stands for a logged release and is known by its sha256: the same generator is registered once, however often a
pipeline runs. `challenger` is the newest one. Which version is `champion` is one row of the registry's database, so a
promotion has happened or has not: what it replaces is written down before, for a way back.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensegen import released
from sensegen.tracking.calls import MOST_METRICS
from sensegen.tracking.models import LOGGED, SHA256, log_release
from sensegen.tracking.store import connect, refusal_explained

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
REPLACED, VERDICT, ROLLED_BACK = "promotion.replaced", "promotion.verdict", "promotion.rolled_back"
NOBODY = "nobody"


@dataclass(frozen=True)
class Version:
    """A version of a registered model."""

    model: str
    number: int
    sha256: str
    run_id: str

    @property
    def address(self) -> str:
        """As MLflow, `sensegen warm-start` and `sensegen serve` take it."""
        return f"models:/{self.model}/{self.number}"


class Registry:
    """Final: the versions of one registered model in the project's store.

    Raises:
        ValueError: if the store cannot be used.
    """

    def __init__(self, root: Path, model: str):
        self.root, self.model = root, model
        self.client, self.experiment = connect(root)

    def register(self, release: Path, run_id: str, tags: Mapping[str, str], metrics: Mapping[str, float]) -> Version:
        """The version of a release, made if there is none, which is the challenger from now on.

        A model that a stage logged already is taken for it; where there is none, it is logged with the run.
        """
        with refusal_explained(self.root):
            sha256 = released.digest(release)
            found = self._by_sha256(sha256) or self._created(release, sha256, run_id, tags, metrics)
            self.client.set_registered_model_alias(self.model, CHALLENGER, str(found.number))
        return found

    def named(self, alias: str) -> Version | None:
        """Who has an alias, if somebody has."""
        from mlflow.exceptions import MlflowException

        try:
            return _version(self.client.get_model_version_by_alias(self.model, alias))
        except MlflowException:
            return None

    def numbered(self, number: int) -> Version:
        """A version.

        Raises:
            ValueError: if there is none of that number.
        """
        from mlflow.exceptions import MlflowException

        try:
            return _version(self.client.get_model_version(self.model, str(number)))
        except MlflowException:
            raise ValueError(f"Model {self.model} has no version {number}. `sensegen models` lists them.") from None

    def versions(self) -> list[Any]:
        """MLflow's versions, the newest first."""
        found = self.client.search_model_versions(f"name = '{self.model}'")
        return sorted(found, key=lambda version: -int(version.version))

    def newest_tag(self, key: str) -> str | None:
        """A tag of the newest version, if there is one."""
        return next((version.tags.get(key) for version in self.versions()), None)

    def tag(self, version: Version, key: str) -> str | None:
        """A tag of a version, if it has it."""
        found: str | None = self.client.get_model_version(self.model, str(version.number)).tags.get(key)
        return found

    def judge(self, version: Version, verdict: Mapping[str, Any]) -> None:
        """Write down what was decided of a version."""
        with refusal_explained(self.root):
            self._tag(version, VERDICT, json.dumps(verdict))

    def promote(self, version: Version) -> None:
        """Make a version the champion. Cut off anywhere, it has happened whole or not at all."""
        before = self.named(CHAMPION)
        if before == version:
            return
        with refusal_explained(self.root):
            self._tag(version, REPLACED, str(before.number) if before else NOBODY)
            self.client.set_registered_model_alias(self.model, CHAMPION, str(version.number))

    def roll_back(self) -> Version:
        """Give the champion's place back to the version that it took it from.

        Raises:
            ValueError: if there is no champion, or it replaced nobody.
        """
        now = self.named(CHAMPION)
        if now is None:
            raise ValueError(f"Model {self.model} has no champion yet: nothing can be rolled back.")
        replaced = self.tag(now, REPLACED) or NOBODY
        if replaced == NOBODY:
            raise ValueError(f"Version {now.number} of {self.model} was the first champion: it replaced nobody.")
        before = self.numbered(int(replaced))
        with refusal_explained(self.root):
            self._tag(now, ROLLED_BACK, "true")
            self.client.set_registered_model_alias(self.model, CHAMPION, replaced)
        return before

    def _by_sha256(self, sha256: str) -> Version | None:
        found = self.client.search_model_versions(f"name = '{self.model}' and tags.{SHA256} = '{sha256}'")
        return _version(min(found, key=lambda version: int(version.version))) if found else None

    def _created(
        self, release: Path, sha256: str, run_id: str, tags: Mapping[str, str], metrics: Mapping[str, float]
    ) -> Version:
        logged = self.client.search_logged_models([self.experiment], f"tags.{SHA256} = '{sha256}'", max_results=1)
        model_id = logged[0].model_id if logged else log_release(self.client, run_id, release)
        _name_model(self.client, self.model)
        source = self.client.get_logged_model(model_id).artifact_location
        created = self.client.create_model_version(
            self.model, source, run_id, tags={**tags, SHA256: sha256, LOGGED: model_id}, model_id=model_id
        )
        self._measure(model_id, run_id, metrics)
        return _version(created)

    def _measure(self, model_id: str, run_id: str, metrics: Mapping[str, float]) -> None:
        """The metrics stand beside the model, too."""
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        entities = [Metric(f"model/{name}", value, now, 0, model_id=model_id) for name, value in metrics.items()]
        for first in range(0, len(entities), MOST_METRICS):
            self.client.log_batch(run_id, metrics=entities[first : first + MOST_METRICS])

    def _tag(self, version: Version, key: str, value: str) -> None:
        self.client.set_model_version_tag(self.model, str(version.number), key, value)


def _name_model(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version(found: Any) -> Version:
    return Version(found.name, int(found.version), found.tags.get(SHA256, ""), found.run_id or "")
