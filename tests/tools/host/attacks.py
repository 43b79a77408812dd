"""The simulated attacks, for recordings that a detector is trained and tested with.

Each one spoils a folder that `attacks_ground.make_place` made for it and refuses every other.
A family is a way of doing harm; data are split by it. Within a family, and within a program,
chance chooses victims, order, haste, names, ciphers, notes and sizes of writes.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.tools.host import attacks_breadth as breadth
from tests.tools.host import attacks_sealing as sealing
from tests.tools.host import attacks_tampering as tampering
from tests.tools.host.attacks_ciphers import STREAMS
from tests.tools.host.attacks_names import ANY
from tests.tools.host.attacks_work import Recipe, Work, run
from tests.tools.host.scenario import Program

_WEAK: Final = ("xor_byte", "xor_key", "substitute")
_QUIET: Final = 0.1  # how likely those leave a note who want no money


def _each(
    family: str,
    name: str,
    step: Callable[[Work, Path], None],
    *,
    needs: tuple[str, ...] = (),
    **recipe: Any,
) -> Program:
    """An attack that takes one file after the other."""
    return Program(name, family, partial(run, Recipe(each=step, **recipe)), needs)


def _whole(
    family: str,
    name: str,
    whole: Callable[[Work], object],
    *,
    needs: tuple[str, ...] = (),
    **recipe: Any,
) -> Program:
    """An attack that goes about all the files in its own way."""
    return Program(name, family, partial(run, Recipe(whole=whole, **recipe)), needs)  # type: ignore[arg-type]


def _partly(kind: str) -> Callable[[Work, Path], None]:
    """The step that seals stretches in place."""
    return partial(sealing.overwrite, kind=kind)


_new_delete = sealing.new_then(sealing.delete)
_zeros_then_delete = partial(sealing.fill_and_delete, kind="zeros")

_IN_PLACE: Final = (
    _each("inplace_truncate", "truncate_write", sealing.truncate_write),
    _each("inplace_truncate", "truncate_write_threads", sealing.truncate_write, has_threads=True),
    _each("inplace_truncate", "openssl_back", sealing.openssl_back, needs=("openssl",)),
    _each("inplace_overwrite", "overwrite_whole", sealing.overwrite, ciphers=STREAMS),
    _each(
        "inplace_overwrite",
        "overwrite_threads",
        sealing.overwrite,
        ciphers=STREAMS,
        has_threads=True,
    ),
    _each("inplace_overwrite", "overwrite_backwards", sealing.overwrite_backwards),
    _each("inplace_mapped", "mapped_whole", sealing.overwrite_mapped, ciphers=STREAMS),
    _each(
        "inplace_mapped",
        "mapped_blocks",
        partial(sealing.overwrite_mapped, kind="alternate"),
        ciphers=STREAMS,
    ),
    _each("partial", "head_only", _partly("head"), ciphers=STREAMS),
    _each("partial", "every_other_block", _partly("alternate"), ciphers=STREAMS),
    _each("partial", "head_and_tail", _partly("ends"), ciphers=STREAMS),
    _each("partial", "skip_head", _partly("skip_head"), ciphers=STREAMS),
    _each("partial", "random_blocks", _partly("random"), ciphers=STREAMS),
    _each("partial", "ten_spots", _partly("tenths"), ciphers=STREAMS, has_threads=True),
    _each("partial", "head_then_rename", sealing.then_rename(_partly("head")), ciphers=STREAMS),
    _each("kept_header", "behind_header", sealing.overwrite_behind_header, ciphers=STREAMS),
    _each(
        "kept_header", "kept_header_temp", sealing.temp_over(sealing.keep_header), ciphers=STREAMS
    ),
    _each(
        "kept_header",
        "kept_header_new",
        sealing.new_then(sealing.delete, sealing.keep_header),
        ciphers=STREAMS,
    ),
    _each("weak_cipher", "weak_overwrite", sealing.overwrite, ciphers=_WEAK),
    _each("weak_cipher", "weak_new_delete", _new_delete, ciphers=_WEAK),
    _each("weak_cipher", "weak_temp_over", sealing.temp_over(), ciphers=_WEAK),
    _whole("swap_contents", "swap_contents", sealing.swap_contents, note=_QUIET),
    _each("saved_over", "backup_then", sealing.backup_then, names=("same",), note=0.3),
    _each("few_targets", "some_overwritten", sealing.overwrite, share=(0.05, 0.3), note=0.2),
    _each("few_targets", "some_truncated", sealing.truncate_write, share=(0.05, 0.3), note=0.2),
)

_BESIDE: Final = (
    _each("new_delete", "new_delete", _new_delete),
    _each("new_delete", "new_delete_threads", _new_delete, has_threads=True),
    _each(
        "new_delete", "openssl_new_delete", sealing.openssl_new(sealing.delete), needs=("openssl",)
    ),
    _each("new_delete", "gpg_new_delete", sealing.gpg(sealing.delete), needs=("gpg",)),
    _whole("new_delete_late", "all_new_then_delete", partial(sealing.new_late, by_folder=False)),
    _whole("new_delete_late", "folder_new_then_delete", partial(sealing.new_late, by_folder=True)),
    _each("new_shred", "new_zeros_delete", sealing.new_then(_zeros_then_delete)),
    _each("new_shred", "new_random_delete", sealing.new_then(sealing.fill_and_delete)),
    _each(
        "new_shred",
        "gpg_new_shred",
        sealing.gpg(sealing.shred_and_delete),
        needs=("gpg", "shred"),
    ),
    _each(
        "new_shred",
        "openssl_new_shred",
        sealing.openssl_new(sealing.shred_and_delete),
        needs=("openssl", "shred"),
    ),
    _each("temp_over", "temp_over", sealing.temp_over(), names=("same",)),
    _each("temp_over", "temp_over_threads", sealing.temp_over(), has_threads=True),
    _each("temp_over", "openssl_over", sealing.openssl_over, needs=("openssl",)),
    _each("rename_first", "rename_then", sealing.rename_then, ciphers=STREAMS),
    _each(
        "rename_first",
        "rename_then_threads",
        sealing.rename_then,
        ciphers=STREAMS,
        has_threads=True,
    ),
    _each("rename_after", "overwrite_rename", sealing.then_rename(sealing.overwrite)),
    _each("rename_after", "truncate_write_rename", sealing.then_rename(sealing.truncate_write)),
    _each(
        "rename_after",
        "openssl_back_rename",
        sealing.then_rename(sealing.openssl_back),
        needs=("openssl",),
    ),
    _whole("rename_after", "rename_late", sealing.rename_late, ciphers=STREAMS),
    _whole("staging_back", "staging_back", partial(sealing.back_from_staging, is_moved=False)),
    _whole("staging_back", "moved_and_back", partial(sealing.back_from_staging, is_moved=True)),
    _whole("staging_back", "staging_back_late", sealing.late_from_staging),
    _each("text_output", "text_in_place", sealing.written_back(sealing.as_text)),
    _each("text_output", "text_new_delete", sealing.new_then(sealing.delete, sealing.as_text)),
    _each("text_output", "text_temp_over", sealing.temp_over(sealing.as_text)),
    _each("text_output", "gpg_armour", sealing.gpg(sealing.delete, "--armor"), needs=("gpg",)),
    _each("packed", "packed_in_place", sealing.written_back(sealing.as_packed)),
    _each("packed", "packed_new_delete", sealing.new_then(sealing.delete, sealing.as_packed)),
    _each("packed", "packed_temp_over", sealing.temp_over(sealing.as_packed)),
    _each("disguise", "known_extension", _new_delete, names=("disguise",), note=0.2),
    _each(
        "disguise",
        "swapped_extension",
        sealing.then_rename(sealing.truncate_write),
        names=("disguise_replaced",),
        note=0.2,
    ),
)

_WIDE: Final = (
    _whole("packed_away", "own_container", partial(breadth.own_container, by_folder=False)),
    _whole("packed_away", "folder_containers", partial(breadth.own_container, by_folder=True)),
    _whole(
        "packed_away", "zip_password", breadth.tool_container(breadth.zip_listed, ".zip"),
        needs=("zip",),
    ),
    _whole(
        "packed_away", "seven_zip_password",
        breadth.tool_container(breadth.seven_zip_listed, ".7z"), needs=("7z",),
    ),
    _whole(
        "packed_away", "tar_openssl",
        breadth.tool_container(breadth.tar_openssl_listed, ".tar.enc"),
        needs=("openssl",),
    ),
    _each("packed_away", "zip_each", breadth.zip_each, needs=("zip",)),
    _each("wipe_fill", "zero_fill", breadth.filled("zeros"), note=_QUIET),
    _each("wipe_fill", "random_fill", breadth.filled("random"), note=_QUIET),
    _each("wipe_fill", "pattern_fill", breadth.filled("patterns"), note=_QUIET),
    _each("wipe_fill", "head_zeroed", breadth.filled("head"), note=_QUIET, has_threads=True),
    _each("wipe_fill", "shred", breadth.shred, needs=("shred",), note=_QUIET),
    _each("wipe_fill", "dd_over", breadth.dd_over, needs=("dd",), note=_QUIET),
    _each("wipe_empty", "empty", breadth.empty, note=_QUIET),
    _each("wipe_empty", "empty_and_delete", breadth.empty_and_delete, note=_QUIET),
    _each("wipe_empty", "truncate", breadth.truncate_tool, needs=("truncate",), note=_QUIET),
    _each("wipe_delete", "shred_delete", sealing.shred_and_delete, needs=("shred",), note=_QUIET),
    _each("wipe_delete", "rename_fill_delete", breadth.rename_fill_delete, note=_QUIET),
    _each("wipe_delete", "fill_and_delete", sealing.fill_and_delete, note=_QUIET),
    _whole("mass_delete", "delete_folders", breadth.delete_folders, note=_QUIET),
    _each("mass_delete", "delete_all", sealing.delete, note=0.3),
    _whole("copied_out", "stage_copies", breadth.stage_copies, note=_QUIET),
    _whole(
        "copied_out", "stage_sealed", partial(breadth.stage_copies, is_sealed=True), note=_QUIET
    ),
    _whole("copied_out", "stage_archives", breadth.stage_archives, note=_QUIET),
    _whole("copied_out", "stage_with_zip", breadth.stage_with_zip, needs=("zip",), note=_QUIET),
    _whole("copied_out", "stage_with_cp", breadth.stage_with_cp, needs=("cp",), note=_QUIET),
    _whole("copied_out", "stage_with_tar", breadth.stage_with_tar, needs=("tar",), note=_QUIET),
    _whole("copied_deleted", "copies_then_delete", breadth.copies_then_delete, note=0.5),
    _whole("copied_deleted", "archives_then_delete", breadth.archives_then_delete, note=0.5),
    _each("rename_storm", "rename_only", breadth.rename_only, names=ANY, note=0.4),
    _whole("rename_storm", "gather", breadth.gather, note=0.4),
    _whole("rename_storm", "scramble_names", breadth.scramble_names, note=_QUIET),
    _whole("tampering", "logs_emptied", tampering.with_logs(breadth.empty), note=0.0),
    _whole("tampering", "logs_deleted", tampering.with_logs(sealing.delete), note=0.0),
    _whole("tampering", "logs_zeroed", tampering.with_logs(tampering.zero_lines), note=0.0),
    _whole("tampering", "log_lines_removed", tampering.with_logs(tampering.remove_lines), note=0.0),
    _whole("tampering", "backups_deleted", tampering.with_backups(sealing.delete), note=0.0),
    _whole("tampering", "backups_then_seal", tampering.before(sealing.truncate_write)),
    _whole("tampering", "backups_then_new", tampering.before(_new_delete)),
)  # fmt: skip

ATTACKS: Final[tuple[Program, ...]] = (*_IN_PLACE, *_BESIDE, *_WIDE)
