"""Line protocol: quality, words of states, and the rule that names tags."""

from __future__ import annotations

from typing import Any

import pytest

from sensormon.api.line_protocol import parse_lines
from sensormon.ingest.groups import Parsed
from sensormon.model.line_tags import LineTag
from sensormon.model.readings import Quality, Reason
from tests.support.api import Start, get, post

T = 1_769_860_800
OPC = (
    r"opcua,host=a,id=ns\=2;s\=T1,tag=fermenter_temp value=37.5,"
    f'Quality="The operation succeeded. StatusGood (0x0)" {T}\n'
    r"opcua,host=a,id=ns\=2;s\=T1,tag=fermenter_temp value=37,"
    f'Quality="Bad (0x80000000)" {T + 1}'
)


def read(text: str, rule: str = "", precision: str = "s") -> Parsed:
    return parse_lines(text.encode(), T * 1_000_000, precision, 1_000, LineTag(rule))


def rows(parsed: Parsed) -> list[tuple[Any, ...]]:
    """Tag, value or word, and quality of each reading."""
    batch = parsed.batch
    return [
        (
            batch.tags[batch.tag[row]],
            float(batch.value[row])
            if batch.word is None or batch.word[row] < 0
            else batch.words[batch.word[row]],
            int(batch.quality[row]),
        )
        for row in range(len(batch))
    ]


def test_text_field_of_opc_ua_is_the_quality_of_its_line(start: Start) -> None:
    _, api = start()
    assert post(api, "/v2/write?precision=s", OPC).status_code == 204
    stored = get(api, "/data").json()
    assert [(row["tag"], row["value"], row["quality"]) for row in stored] == [
        ("fermenter_temp", 37.5, 0),
        ("fermenter_temp", 37.0, Quality.BAD),
    ]


@pytest.mark.parametrize(
    ("field", "quality"),
    [
        ('quality="Good"', 0),
        ('QUALITY="uncertain"', Quality.UNCERTAIN),
        ("quality=192i", 0),
        ("quality=0", 0),
        ("Quality=2147483648u", Quality.BAD),
    ],
)
def test_quality_is_a_word_or_a_number_before_or_after_the_values(field: str, quality: int) -> None:
    expected = [("t", 1.0, quality), ("t.b", 2.0, quality)]
    assert rows(read(f"t value=1,b=2,{field} {T}")) == expected
    assert rows(read(f"t {field},value=1,b=2 {T}")) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('t value=1,b=2,quality="so-so"', "'so-so' is not known"),
        ("t value=1,b=2,quality=true", "'true' is not known"),
        ("t value=1,b=2,quality=7i", "'7i' is not known"),
        ('t value=1,b=2,quality="Good",Quality="Bad"', "the quality is there twice"),
        ('t quality="Good"', "there is a quality and no value"),
    ],
)
def test_line_with_a_quality_that_says_nothing_is_rejected(line: str, words: str) -> None:
    parsed = read(f"t value=0 {T - 1}\n{line} {T}")
    assert rows(parsed) == [("t", 0.0, 0)]
    assert parsed.malformed.counts() == {Reason.MALFORMED: len(parsed.malformed)}
    assert len(parsed.malformed) == (1 if line.startswith("t quality") else 2)
    assert parsed.malformed.listed[0].detail.startswith("line 2: ")
    assert words in parsed.malformed.listed[0].detail


def test_text_and_booleans_are_the_words_of_states() -> None:
    values = {
        '"open"': "open",
        r'"say \"no\" \\ yes"': r'say "no" \ yes',
        **dict.fromkeys(("t", "T", "true", "True", "TRUE"), "true"),
        **dict.fromkeys(("f", "F", "false", "False", "FALSE"), "false"),
        "1": 1.0,
        '" 37 "': "37",
    }
    text = "\n".join(f"valve value={value} {T + i}" for i, value in enumerate(values))
    assert [value for _, value, _ in rows(read(text))] == list(values.values())


def test_word_for_a_tag_of_numbers_is_not_a_number(start: Start) -> None:
    monitor, api = start()
    body = f'fermenter_ph value="high" {T}\nfermenter_ph value=TRUE {T}\nfermenter_ph value=7 {T}'
    answer = post(api, "/v2/write?precision=s", body)
    assert answer.status_code == 400
    assert "1 reading stored, 2 rejected" in answer.json()["message"]
    assert "fermenter_ph: not_a_number: the value must be a number, not 'high'" in answer.json()["message"]
    assert monitor.readings.recent(0)["value"].tolist() == [7.0]


# -- names --------------------------------------------------------------------


def test_rule_names_the_tags_of_all_fields() -> None:
    text = f"cpu,host=a,cpu=cpu0 idle=1,user=2 {T}\ncpu,host=b,cpu=cpu0 idle=3 {T}"
    assert rows(read(text, "{host}.{cpu}.{field}")) == [
        ("a.cpu0.idle", 1.0, 0),
        ("a.cpu0.user", 2.0, 0),
        ("b.cpu0.idle", 3.0, 0),
    ]


def test_escaped_parts_of_a_name_are_read() -> None:
    text = rf"a\ b,site\,1=x\=y of\ it=1 {T}"
    assert rows(read(text, "{site,1}/{measurement}/{field}")) == [("x=y/a b/of it", 1.0, 0)]


def test_line_without_a_part_of_the_rule_is_rejected_with_its_number() -> None:
    parsed = read(f"cpu,host=a idle=1 {T}\ncpu idle=1,user=2 {T}", "{host}.{field}")
    assert rows(parsed) == [("a.idle", 1.0, 0)]
    assert parsed.malformed.index.tolist() == [1, 2]
    assert parsed.malformed.listed[0].detail == (
        "line 2: it has no tag 'host', which the rule {host}.{field} needs"
    )


def test_rule_that_gives_two_fields_one_name_rejects_the_line() -> None:
    parsed = read(f"cpu,tag=a idle=1,user=2 {T}\ncpu,tag=a idle=1 {T + 1}", "{tag}")
    assert rows(parsed) == [("a", 1.0, 0)]
    assert "one tag" in parsed.malformed.listed[0].detail


CPUS = f"cpu,host=a,cpu=cpu0 idle=1 {T}\ncpu,host=a,cpu=cpu1 idle=2 {T}\n"


def test_lines_of_several_series_with_one_name_and_time_are_all_rejected() -> None:
    parsed = read(f"{CPUS}cpu,host=a,cpu=cpu1 idle=3 {T + 1}\ncpu,host=b,cpu=cpu1 idle=4 {T}\nother x=1 {T}")
    assert rows(parsed) == [("cpu.idle", 3.0, 0), ("other.x", 1.0, 0)]
    assert parsed.positions == [2, 4]
    assert parsed.malformed.index.tolist() == [0, 1, 3]
    assert [row.detail.split(" give ")[0] for row in parsed.malformed.listed] == [
        "lines 1 and 2",
        "lines 1 and 2",
        "lines 1 and 4",
    ]
    assert "SENSORMON_LINE_TAG" in parsed.malformed.listed[0].detail
    assert len(rows(read(CPUS, "{cpu}.{field}"))) == 2
    assert len(read(CPUS.replace(f" {T}", "")).malformed) == 2, "without a time all are of one moment"


def test_one_series_may_give_a_time_twice_in_any_order_of_its_tags() -> None:
    assert len(rows(read(f"cpu,a=1,b=2 idle=1 {T}\ncpu,b=2,a=1 idle=2 {T}"))) == 2


def test_rejected_lines_of_one_name_are_counted(start: Start) -> None:
    monitor, api = start()
    body = f"p,line=1,tag=fermenter_ph value=7 {T}\np,line=2,tag=fermenter_ph value=7.1 {T}"
    answer = post(api, "/v2/write?precision=s", body)
    assert (answer.status_code, "lines 1 and 2" in answer.json()["message"]) == (400, True)
    monitor.drain()
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["rejected"], ledger["difference"]) == (2, 2, 0)


def test_setting_and_request_choose_the_rule(start: Start) -> None:
    monitor, api = start(line_tag=LineTag("{site}_{what}"))
    assert post(api, "/v2/write?precision=s", f"p,site=fermenter,what=ph value=7 {T}").status_code == 204
    other = f"fermenter value=37,temp=37 {T}"
    assert post(api, "/v2/write?precision=s", other).status_code == 400
    path = "/v2/write?precision=s&tag={measurement}_{field}"
    assert post(api, path, f"fermenter temp=37 {T}").status_code == 204
    assert sorted(monitor.readings.recent(0)["tag"]) == ["fermenter_ph", "fermenter_temp"]
    wrong = post(api, "/v2/write?tag={host}.{x", other)
    assert (wrong.status_code, "cannot be read from" in wrong.json()["message"]) == (400, True)


def test_readings_of_another_precision_are_not_taken_as_1970(start: Start) -> None:
    monitor, api = start()
    answer = post(api, "/v2/write", f"fermenter_ph value=7 {T}")
    assert answer.status_code == 400
    assert "before 1990: check the precision" in answer.json()["message"]
    assert monitor.ledger.now().to_dict()["stored"] == 0
    _, api = start(earliest=0)
    assert post(api, "/v2/write", f"fermenter_ph value=7 {T}").status_code == 204
