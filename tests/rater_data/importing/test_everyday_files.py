"""Layout × result: what people's files look like, and what is in the store then, or what they are told."""

import pytest

from rater_data.errors import RateloopError
from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from tests.rater_data.importing.everyday_chats import CHATS, CHATS_IN_CELLS
from tests.rater_data.importing.everyday_files import CONTAINERS
from tests.rater_data.importing.everyday_tools import ARGILLA, LABEL_STUDIO, OPEN_WEBUI
from tests.rater_data.importing.everyday_values import VALUES
from tests.rater_data.importing.import_world import emptied
from tests.rater_data.store_world import file_store

GROUPS = {
    "containers": CONTAINERS,
    "chats in cells": CHATS_IN_CELLS,
    "chats": CHATS,
    "values": VALUES,
    "Label Studio": LABEL_STUDIO,
    "Argilla": ARGILLA,
    "Open WebUI": OPEN_WEBUI,
}
EVERYDAY = [pytest.param(case, id=f"{group}: {case.id}") for group, cases in GROUPS.items() for case in cases]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """An empty store of each scale, emptied after each try."""
    made = {scale: file_store(tmp_path_factory.mktemp(scale)) for scale in ("score_1_10", "pair")}
    made["pair"].choose_scale("pair")
    yield made
    for store in made.values():
        store.close()


def what_is_said(store):
    """Every rating: the conversation, the response (of a comparison the better, then the worse), score and rater."""
    names = {user.id: user.name for user in store.users()}
    found = []
    for one in store.rated():
        conversation = " | ".join(f"{m.role}: {m.content}" for m in one.prompt.messages)
        texts = [one.response.text]
        if one.rating.other_id is not None:
            texts.append(store.response(one.rating.other_id).text)
            texts = texts if one.rating.score < 0 else texts[::-1]
        found.append((conversation, *texts, abs(one.rating.score), names[one.rating.rater_id]))
    return found


@pytest.mark.parametrize("case", EVERYDAY)
def test_an_everyday_file(stores, tmp_path, case):
    options = dict(case.options)
    store = stores[options.pop("scale", "score_1_10")]
    path, config = case.write(tmp_path), options.pop("config", None)
    with emptied(store):
        if case.error:
            with pytest.raises(RateloopError, match=case.error):
                import_file(store, path, ImportOptions(kind="ratings", **options), config=config)
            assert not any(store.prompts())
        else:
            import_file(store, path, ImportOptions(kind="ratings", **options), config=config)
            assert sorted(what_is_said(store)) == sorted(case.said)
