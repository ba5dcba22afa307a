"""Who is told of incidents: blocks of Prefect for a webhook, Slack and e-mail, and one automation that sends to all.

Addresses and keys come from the environment, and are stored by the server as secrets; they are never printed.
"""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flows.incidents import NAMES

if TYPE_CHECKING:
    from prefect.blocks.abstract import NotificationBlock

NAME = "sensegen-incidents"
SUBJECT = "sensegen: {{ event.payload.kind }} at {{ event.payload.place }}"
BODY = "{{ event.payload.what }}\n{{ event.payload.mlflow }}"
TEMPLATE = {"subject": "{{subject}}", "body": "{{body}}", "text": "{{subject}}\n{{body}}"}  # `text` is what chats read
WEBHOOK, SLACK, EMAIL = "SENSEGEN_ALERT_WEBHOOK", "SENSEGEN_ALERT_SLACK", "SENSEGEN_ALERT_EMAIL"
SENDER, SENDGRID_KEY = "SENSEGEN_ALERT_SENDER", "SENSEGEN_ALERT_SENDGRID_KEY"
TOLD = tuple(name for kind, name in NAMES.items() if kind != "promoted")


def blocks(environment: Mapping[str, str] = os.environ) -> "Iterator[tuple[str, NotificationBlock]]":
    """The blocks that the environment has addresses for.

    Raises:
        ValueError: if an e-mail is to be sent, and there is no sender or key.
    """
    from prefect.blocks.notifications import CustomWebhookNotificationBlock, SendgridEmail, SlackWebhook
    from prefect.types import SecretDict
    from pydantic import SecretStr

    if url := environment.get(WEBHOOK):
        # Out of its secrets: an address in `url` itself would be shown on the server's page.
        address = SecretDict({"address": url})
        yield (
            "sensegen-webhook",
            CustomWebhookNotificationBlock(name="sensegen", url="{{address}}", json_data=TEMPLATE, secrets=address),
        )
    if url := environment.get(SLACK):
        yield "sensegen-slack", SlackWebhook(url=SecretStr(url))
    if addresses := environment.get(EMAIL):
        if missing := [name for name in (SENDER, SENDGRID_KEY) if not environment.get(name)]:
            raise ValueError(f"{EMAIL} is set, so {' and '.join(missing)} must be set too.")
        yield (
            "sensegen-email",
            SendgridEmail(
                api_key=SecretStr(environment[SENDGRID_KEY]),
                sender_email=environment[SENDER],
                to_emails=[address.strip() for address in addresses.split(",")],
            ),
        )


def put(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Make or change blocks and automation until they are as they should be; what was changed, a line each."""
    changed, sending = [], []
    for name, block in blocks(environment):
        changed_now, document = _put_block(name, block)
        changed += changed_now
        sending.append(document)
    return [*changed, *_put_automation(sending)]


def _put_block(name: str, block: "NotificationBlock") -> tuple[list[str], Any]:
    try:
        before: Any = type(block).load(name)
    except ValueError:
        before = None
    if before is not None and _content(before) == _content(block):
        return [], before._block_document_id
    document = block.save(name, overwrite=True)
    return [f"block {name} {'changed' if before is not None else 'made'}"], document


def _content(block: Any) -> dict[str, Any]:
    """What a block says, its secrets too."""
    from pydantic import SecretStr

    return {
        key: value.get_secret_value() if isinstance(value, SecretStr) else value
        for key, value in ((key, getattr(block, key)) for key in type(block).model_fields)
        if not key.startswith("_")
    }


def _put_automation(blocks: list[Any]) -> list[str]:
    from prefect.automations import Automation

    wanted = automation(blocks)
    try:
        before = Automation.read(name=NAME)
    except ValueError:
        before = None
    if before is None:
        if not blocks:
            return []
        wanted.create()
        return [f"automation {NAME} made"]
    if _rule(before) == _rule(wanted):
        return []
    wanted.id = before.id
    wanted.update()
    return [f"automation {NAME} changed"]


def automation(blocks: list[Any]) -> Any:
    """At each incident, one notification by each block."""
    from prefect.automations import Automation
    from prefect.events.actions import SendNotification
    from prefect.events.schemas.automations import EventTrigger, Posture

    return Automation(
        name=NAME,
        description="Tells of every incident of a sensegen run, once.",
        enabled=bool(blocks),
        trigger=EventTrigger(expect=set(TOLD), posture=Posture.Reactive, threshold=1, within=0),
        actions=[SendNotification(block_document_id=block, subject=SUBJECT, body=BODY) for block in blocks],
    )


def _rule(automation: Any) -> dict[str, Any]:
    """What an automation does, without what the server adds."""
    trigger, actions = automation.trigger, automation.actions
    return {
        **{"enabled": automation.enabled, "expect": set(trigger.expect), "threshold": trigger.threshold},
        "actions": [(str(action.block_document_id), action.subject, action.body) for action in actions],
    }
