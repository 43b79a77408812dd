"""Settings that were changed from their defaults, and where the window was left."""

import json
import logging

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.schema import SettingModel, UiStateModel
from soc_copilot.governance.session import Session, WriteTransaction
from soc_copilot.settings import SETTINGS, Setting, Value, get_setting

logger = logging.getLogger(__name__)

Model = type[SettingModel] | type[UiStateModel]


class SettingsStore:
    """The settings of `soc_copilot.settings`, kept in the database."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def get(self, key: str) -> Value:
        """A setting's value: the stored one, or its default.

        Raises:
            PolicyError: There is no such setting.
        """
        setting = get_setting(key)
        with self._session.read() as connection:
            text = _stored(connection, SettingModel, key)
        return _value(setting, text)

    def all(self) -> dict[str, Value]:
        """Every setting's value, in the order of the settings table."""
        with self._session.read() as connection:
            rows = connection.execute(select(SettingModel.key, SettingModel.value))
            stored = {row.key: row.value for row in rows}
        return {setting.key: _value(setting, stored.get(setting.key)) for setting in SETTINGS}

    def set(self, key: str, value: object) -> Value:
        """Change a setting and return the value as stored.

        Raises:
            PolicyError: There is no such setting, or it does not take the value.
        """
        setting = get_setting(key)
        new = setting.check(value)

        def act(tx: WriteTransaction) -> None:
            text = _stored(tx.connection, SettingModel, key)
            old = _value(setting, text)
            if old != new:
                _store(tx.connection, SettingModel, key, json.dumps(new), fresh=text is None)
                tx.audit(
                    Entry("setting.changed", f"setting {key}", json.dumps(old), json.dumps(new))
                )

        self._session.change(self._actor, act)
        return new

    def ui_state(self, key: str) -> str | None:
        """What the window asked to be remembered under this key."""
        with self._session.read() as connection:
            return _stored(connection, UiStateModel, key)

    def set_ui_state(self, key: str, text: str) -> None:
        """Remember something for the window; not audited."""
        with self._session.write(self._actor) as tx:
            old = _stored(tx.connection, UiStateModel, key)
            if old != text:
                _store(tx.connection, UiStateModel, key, text, fresh=old is None)


def _stored(connection: Connection, model: Model, key: str) -> str | None:
    found: str | None = connection.execute(select(model.value).where(model.key == key)).scalar()
    return found


def _store(connection: Connection, model: Model, key: str, text: str, *, fresh: bool) -> None:
    if fresh:
        connection.execute(insert(model).values(key=key, value=text))
    else:
        connection.execute(update(model).where(model.key == key).values(value=text))


def _value(setting: Setting, text: str | None) -> Value:
    if text is None:
        return setting.default
    try:
        return setting.check(json.loads(text))
    except (PolicyError, ValueError):
        logger.warning(
            "A stored setting is no longer valid; its default is used. key=%s", setting.key
        )
        return setting.default
