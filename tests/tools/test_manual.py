from enpire.tools import catalogue
from enpire.tools.manual import manual


def test_the_manual_names_every_tool_every_parameter_and_every_record():
    text = manual(catalogue.names())
    for name in catalogue.names():
        tool = catalogue.describe(name)
        assert f"## `{name}`" in text and tool.doc in text
        for parameter in tool.parameters:
            assert f"- `{parameter.name}`: {parameter.type}" in text
        for record in tool.records:
            assert f"- `{record}`: " in text
    assert "Shape(" not in text and "Range(" not in text
