"""System calls of audit records."""

import re

from soc_copilot.parsing.audit_calls import ARCHITECTURES, CALLS, MEANINGS, NUMBERS


def test_each_call_and_each_number_stands_there_once():
    assert len({call.name for call in CALLS}) == len(CALLS) == MEANINGS.height
    assert not NUMBERS.select("architecture", "number").is_duplicated().any()
    assert set(NUMBERS["architecture"]) == set(ARCHITECTURES.values())


def test_numbers_are_the_kernels():
    numbers = {row[:2]: row[2] for row in NUMBERS.iter_rows()}
    assert numbers["x86_64", "82"] == "rename"
    assert numbers["x86_64", "257"] == "openat"
    assert numbers["aarch64", "56"] == "openat"
    assert numbers["aarch64", "221"] == "execve"
    assert numbers["x86_64", "87"] == "unlink"
    assert ("aarch64", "87") not in numbers


def test_actions_are_spelled_like_all_others():
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", call.action) for call in CALLS)


def test_calls_with_an_open_folder_say_where_it_is():
    from_folder = {call.name for call in CALLS if re.search(r"[a-z]{4}at2?$", call.name)}
    assert {"openat", "unlinkat", "renameat2", "execveat"} <= from_folder
    assert {call.name for call in CALLS if call.folder is not None} == from_folder
    assert all(call.folder is not None for call in CALLS if call.second_folder is not None)
