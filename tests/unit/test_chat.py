"""What brains that take a chat share: messages that alternate, calls in pieces, and what goes back with them."""

import pytest

from marotte.engines.chat import GO_ON, Calls, Rounds, spoken
from marotte.engines.kinds import Call, EngineError, Message, Prompt, Result


def said(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in spoken(prompt)]


def test_a_prompt_becomes_messages_whose_roles_alternate() -> None:
    prompt = Prompt(
        system="You are Pip.",
        history=(
            Message(role="user", text="Hi", name="Ada"),
            Message(role="user", text="Me too", name="Bo"),
            Message(role="assistant", text="Hello both.", name="Pip"),
        ),
        text="Ada asks a riddle.",
        said="Well, I",
    )
    assert said(prompt) == [
        ("user", "Ada: Hi\nBo: Me too"),
        ("assistant", "Hello both."),
        ("user", "Ada asks a riddle."),
        ("assistant", "Well, I"),
        ("user", GO_ON),
    ]


def test_the_first_message_is_a_users_even_where_the_character_began() -> None:
    history = (Message(role="assistant", text="Is anybody there?"), Message(role="user", text="Yes!"))
    prompt = Prompt(system="", history=history, text="Ada waves.")
    assert said(prompt) == [("user", "…"), ("assistant", "Is anybody there?"), ("user", "Yes!\nAda waves.")]


def test_no_message_is_empty() -> None:
    history = (Message(role="user", text="Hi"), Message(role="assistant", text=" "), Message(role="user", text=""))
    assert said(Prompt(system="", history=history, text="Ada waves.")) == [("user", "Hi\nAda waves.")]
    assert said(Prompt(system="")) == [("user", "…")]
    assert said(Prompt(system="", text="Hi", said=" \n")) == [("user", "Hi")]


def test_what_was_said_before_calls_is_left_to_the_provider() -> None:
    call = Call(id="1", tool="look", arguments={})
    prompt = Prompt(system="", text="Look!", said="Let me see.", results=(Result(call=call, text="A cat."),))
    assert said(prompt) == [("user", "Look!")]


def test_calls_come_together_from_their_pieces() -> None:
    calls = Calls("a brain")
    calls.add(0, "a", "wink")
    calls.add(1, "b", "play", '{"song"')
    calls.add(0, arguments='{"eye":')
    calls.add(1, arguments=': "Bells"}')
    calls.add(0, arguments=' "left"}')
    assert [(call.id, call.tool, call.arguments) for call in calls.all(Rounds())] == [
        ("a", "wink", {"eye": "left"}),
        ("b", "play", {"song": "Bells"}),
    ]


def test_calls_of_servers_that_number_them_wrongly() -> None:
    """All with the number 0 and whole, or with no number at all."""
    calls = Calls("a brain")
    calls.add(0, "a", "wink", "{}")
    calls.add(0, "b", "nod", "{}")
    assert [call.tool for call in calls.all(Rounds())] == ["wink", "nod"]
    calls = Calls("a brain")
    calls.add(None, "a", "wink")
    calls.add(None, arguments="{}")
    calls.add(None, "b", "nod", "")
    assert [(call.id, call.tool) for call in calls.all(Rounds())] == [("a", "wink"), ("b", "nod")]
    calls = Calls("a brain")
    calls.add(None, tool="wink")
    calls.add(None, arguments="{}")
    assert [(call.id, call.tool) for call in calls.all(Rounds())] == [("call_1", "wink")]


@pytest.mark.parametrize(("tool", "arguments"), [("wink", "{"), ("wink", "[1]"), ("", "{}")])
def test_a_call_that_nobody_could_answer(tool: str, arguments: str) -> None:
    calls = Calls("a brain")
    calls.add(0, "a", tool, arguments)
    with pytest.raises(EngineError, match=f"a brain: called {tool or 'a tool without a name'} with what is no JSON"):
        calls.all(Rounds())


def test_calls_have_limits() -> None:
    calls = Calls("a brain")
    with pytest.raises(EngineError, match="than anybody could want"):
        calls.add(0, "a", "wink", "x" * 100_001)
    calls = Calls("a brain")
    with pytest.raises(EngineError, match="than anybody could want"):
        for number in range(100):
            calls.add(number, str(number), "wink")


def test_results_come_by_the_reply_that_asked_for_them_with_what_was_kept() -> None:
    rounds: Rounds[list[str]] = Rounds()
    first, second, third, foreign = (Call(id=name, tool="wink", arguments={}) for name in "abcx")
    rounds.keep([first, second], ["thought"])
    rounds.keep([third], [])
    results = [Result(call=call, text="done") for call in (first, second, third, foreign)]
    assert [(kept, [r.call.id for r in found]) for kept, found in rounds.of(results)] == [
        (["thought"], ["a", "b"]),
        ([], ["c"]),
        (None, ["x"]),
    ]


def test_ids_are_given_where_the_provider_gives_none_or_the_same_again() -> None:
    rounds: Rounds[str] = Rounds()
    given = [rounds.name(name) for name in ("abc", "", "call_0", "call_0", "", "call_2")]
    assert given == ["abc", "call_1", "call_0", "call_2", "call_3", "call_4"]


def test_old_rounds_are_forgotten() -> None:
    rounds: Rounds[str] = Rounds()
    calls = [Call(id=str(number), tool="wink", arguments={}) for number in range(100)]
    for call in calls:
        rounds.keep([call], "thought")
    kept = [what for what, _ in rounds.of([Result(call=call, text="") for call in calls])]
    assert kept[0] is None
    assert kept[-1] == "thought"
