"""What an export may replace, and that nothing is left of one that fails."""

import pytest

from rater_data.errors import BadInput
from rater_data.exporting.export import export
from tests.rater_data.exporting.helpers import FORMS


def test_only_a_folder_of_ours_is_replaced(rated, tmp_path):
    place = tmp_path / "set"
    place.mkdir()
    (place / "dataset_info.json").write_text("{}")
    with pytest.raises(BadInput, match="not replaced"):
        export(rated.store, place, file_type="dataset", force=True)
    assert [path.name for path in place.iterdir()] == ["dataset_info.json"]


@pytest.mark.parametrize("file_type", FORMS)
def test_nothing_is_left_of_an_export_that_fails(rated, tmp_path, file_type):
    out = tmp_path / "out"
    out.mkdir()

    def broken(rows, _total):
        yield next(rows)
        raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match="no room left"):
        export(rated.store, out / FORMS[file_type], file_type=file_type, wrap=broken)
    assert list(out.iterdir()) == []
    with pytest.raises(BadInput, match="cannot be written"):
        export(rated.store, out / ("x" * 300), file_type=file_type)
    assert list(out.iterdir()) == []
