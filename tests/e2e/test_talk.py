"""The talk window: somebody speaks, types, interrupts and loses the line, as a partner would."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.relay import relay
from tests.e2e.visitor import PHONE, SHOW, Visitor, chromium, enter
from tests.servers.marotte import TOKEN, Marotte, marotte
from tests.waiting import until

pytestmark = pytest.mark.anyio
STORY = "Once there was a very small theatre, and nobody had ever found its door. " * 12


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


async def ended(program: Marotte, turn: str) -> dict[str, object]:
    """The row of a turn, once it is over."""

    async def row() -> dict[str, object] | None:
        rows = await program.get("/api/v1/turns?limit=20")
        return next((r for r in rows if r["id"] == turn and r["state"] != "speaking"), None)

    return await until(row, f"the end of {turn}")


async def tell(program: Marotte, visitor: Visitor, text: str = STORY) -> str:
    """Have a long text said on a visitor's floor; returns its turn."""
    await visitor.sounding()
    status, _ = await program.post(
        "/api/v1/percepts", {"type": "asked", "verbatim": True, "text": text, "floor": visitor.welcome["floor"]}
    )
    assert status == 202
    return (await visitor.event("line_started"))["turn"]


async def test_a_spoken_wish_is_answered_aloud_with_a_moving_mouth_and_lit_words(
    program: Marotte, visit: Visit
) -> None:
    stage = await visit(program, "/stage")
    talk = await visit(program, "/talk?floor=public", token=TOKEN)
    await stage.connected()
    await stage.sounding()
    await talk.page.get_by_role("switch", name="Hands-free").click()
    await expect(talk.conversation.get_by_text("tell me a joke")).to_be_visible()
    turn = (await stage.event("turn_started"))["turn"]
    row = await ended(program, turn)
    assert (row["state"], row["lane"], row["cut"]) == ("done", "spoken", False)
    heard = str(row["heard"])
    assert len(words(heard)) >= 3

    assert max(talk.voice) > 300, "the microphone's sound went to the program"
    for window in (stage, talk):
        assert await window.watched("loudest") > 0.03, "the reply sounded"
        shapes, levels = await window.watched("shapes"), await window.watched("levels")
        assert len(set(shapes)) >= 3, f"the mouth took only the shapes {set(shapes)}"
        assert len(set(levels)) >= 3, f"the mouth opened only {set(levels)} wide"
        shown = {state["text"]: None for state in await window.watched("subtitles")}
        assert words(" ".join(shown)) == words(heard), "the subtitles showed the reply, in its order"
        lit = [(state["lit"], state["of"]) for state in await window.watched("subtitles")]
        assert any(0 < some < of for some, of in lit), "words lit up one after another"
    await expect(talk.conversation.get_by_text(heard)).to_be_visible()
    timings = row["timings"]
    assert isinstance(timings, dict)
    assert timings["recognised"] > 0
    assert timings["first_sample"] > 0


async def test_push_to_talk_by_pointer_and_by_space_bar(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.connected()
    button = talk.page.get_by_role("button", name="Hold to talk")
    box = await button.bounding_box()
    assert box is not None
    await talk.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await talk.page.mouse.down()
    held = talk.page.get_by_role("button", name="Let go to send")
    await expect(held).to_have_attribute("aria-pressed", "true")
    await until(lambda: len(talk.voice) > 20 and max(talk.voice) > 300, "speech in the microphone")
    await until(lambda: max(talk.voice[-40:]) < 50, "silence after the speech")
    await talk.page.mouse.up()
    await expect(talk.page.get_by_role("button", name="Hold to talk")).to_have_attribute("aria-pressed", "false")
    await expect(talk.conversation.get_by_text("tell me a joke")).to_be_visible()
    await ended(program, (await talk.event("turn_started"))["turn"])
    frames = len(talk.voice)

    await talk.page.locator("body").press("Tab")
    await talk.page.evaluate("document.activeElement.blur()")
    await talk.page.keyboard.down("Space")
    await expect(talk.page.get_by_role("button", name="Let go to send")).to_be_visible()
    await until(lambda: len(talk.voice) > frames, "the microphone's sound")
    await talk.page.keyboard.up("Space")
    await expect(talk.page.get_by_role("button", name="Hold to talk")).to_be_visible()


async def test_a_typed_question_gets_a_spoken_reply_and_a_latency(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.sounding()
    await talk.write("Who are you?")
    await expect(talk.conversation.get_by_text("Who are you?")).to_be_visible()
    row = await ended(program, (await talk.event("turn_started"))["turn"])
    assert row["state"] == "done"
    assert await talk.watched("loudest") > 0.03
    await expect(talk.conversation.get_by_text(str(row["heard"]))).to_be_visible()
    subtitles = await talk.watched("subtitles")
    assert words(" ".join(dict.fromkeys(state["text"] for state in subtitles))) == words(str(row["heard"]))
    await expect(talk.page.get_by_text(re.compile(r"^[\d.]+\s?m?s$"))).to_be_visible()
    assert talk.complaints == []


async def test_a_reply_stands_in_the_conversation_as_it_was_shown(program: Marotte, visit: Visit) -> None:
    shown = "She whispered “bells”, and paid $5."
    talk = await visit(program, "/talk")
    await ended(program, await tell(program, talk, shown))
    await expect(talk.conversation.get_by_role("listitem").last).to_have_text(f"Pip: {shown}")


async def test_words_that_the_operator_has_said_are_not_the_partners(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await ended(program, await tell(program, talk, "We close in five minutes."))
    said = talk.conversation.get_by_role("listitem").filter(has_text="We close in five minutes.")
    await expect(said.filter(has_text="Pip:")).to_have_count(1)
    await expect(said.filter(has_text="You:")).to_have_count(0)


async def test_stop_cuts_the_reply_where_it_was_heard(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    turn = await tell(program, talk)
    lit = talk.page.locator("[data-subtitles] [data-lit=true]")
    await until(lambda: talk.events("line_started"), "a line")
    await expect(lit.nth(4)).to_be_visible()
    await until(talk.sounds, "sound")
    await talk.page.get_by_role("button", name="Stop", exact=True).click()
    row = await ended(program, turn)
    assert (row["state"], row["cut"]) == ("interrupted", True)
    heard = str(row["heard"])
    assert 3 <= len(words(heard)) < len(words(STORY))
    assert STORY.startswith(heard)
    await until(lambda: _silent(talk), "silence after the stop")
    await expect(talk.conversation.get_by_text(heard, exact=True)).to_be_visible()
    await expect(talk.conversation.get_by_text("cut", exact=True)).to_be_visible()
    await expect(talk.page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()


async def _silent(visitor: Visitor) -> bool:
    return not await visitor.sounds()


async def test_a_cut_wire_is_joined_again_by_itself_and_nothing_is_lost(program: Marotte, visit: Visit) -> None:
    async with relay(program.url) as wire:
        talk = await visit(wire.url, "/talk")
        await talk.connected()
        session, floor = talk.welcome["session"], talk.welcome["floor"]
        await talk.write("Who are you?")
        row = await ended(program, (await talk.event("turn_started"))["turn"])
        wire.cut()
        await expect(talk.page.get_by_text("trying again").first).to_be_visible()
        await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": "I waited.", "floor": floor})
        wire.mend()
        await expect(talk.page.get_by_text("connected", exact=True)).to_be_visible()
        assert talk.welcome["resumed"]
        assert (talk.welcome["session"], talk.welcome["floor"]) == (session, floor)
        await expect(talk.conversation.get_by_text(str(row["heard"]))).to_be_visible()
        await expect(talk.conversation.get_by_text("I waited.")).to_be_visible()
        said = len(talk.events("turn_ended"))
        await talk.write("Tell me a joke")
        await until(lambda: len(talk.events("turn_ended")) > said, "an answer after the loss")


async def test_a_restart_of_the_program_is_survived(tmp_path: Path, visit: Visit) -> None:
    program = Marotte(tmp_path, SHOW)
    await program.start()
    try:
        async with relay(program.url) as wire:
            talk = await visit(wire.url, "/talk")
            await talk.connected()
            await talk.sounding()
            run = talk.welcome["run"]
            wire.cut()
            assert await program.stop() == 0
            await program.start()
            wire.mend(program.url)
            await until(lambda: talk.welcome["run"] != run, "a welcome of the new run")
            await expect(talk.page.get_by_text("connected", exact=True)).to_be_visible()
            await talk.write("Who are you?")
            row = await ended(program, (await talk.event("turn_started"))["turn"])
            await expect(talk.conversation.get_by_text(str(row["heard"]))).to_be_visible()
            assert await talk.watched("loudest") > 0.03
    finally:
        await program.stop()


async def test_two_partners_do_not_hear_each_other(program: Marotte, visit: Visit) -> None:
    ada = await visit(program, "/talk", locale="en-GB")
    lea = await visit(program, "/talk", locale="fr-FR")
    await ada.connected()
    await lea.connected()
    assert ada.welcome["floor"] != lea.welcome["floor"]
    await ada.write("my dog is called Biscuit")
    await lea.write("Qui es-tu ?", "Ou écrivez ici…")
    for partner in (ada, lea):
        await partner.event("turn_ended")
    assert {e["language"] for e in lea.events("line_started")} == {"fr"}
    assert {e["language"] for e in ada.events("line_started")} == {"en"}
    assert "Biscuit" in str(ada.frames)
    assert "Biscuit" not in str(lea.frames)
    assert "Qui es-tu" not in str(ada.frames)
    await expect(lea.page.get_by_role("button", name="Maintenez pour parler")).to_be_visible()
    await expect(lea.conversation.get_by_text("Qui es-tu ?")).to_be_visible()
    assert "Biscuit" not in await lea.page.locator("body").inner_text()


async def test_a_refused_microphone_is_explained_and_typing_still_works(program: Marotte) -> None:
    async with chromium() as strict:  # without the argument that says yes to every question
        talk = await enter(strict, f"{program.url}/talk")
        await talk.sounding()
        await talk.page.get_by_role("switch", name="Hands-free").click()
        alert = talk.page.get_by_role("alert")
        await expect(alert).to_contain_text("The microphone is not allowed")
        await expect(alert).to_contain_text("Typing works without it")
        await expect(talk.page.get_by_role("switch", name="Hands-free")).not_to_be_checked()
        await talk.write("Who are you?")
        await talk.event("turn_ended", floor=talk.welcome["floor"])
        assert await talk.watched("loudest") > 0.03
        await alert.get_by_role("button", name="Close").click()
        await expect(alert).to_have_count(0)


async def test_who_finds_all_floors_taken_waits_and_is_let_in(tmp_path: Path, visit: Visit) -> None:
    async with marotte(tmp_path, SHOW + "[gateway]\npartners = 1\n") as program:
        _, issued = await program.post("/api/v1/tokens", {"name": "a partner", "role": "viewer"})
        async with program.window(token=issued["token"]):
            talk = await visit(program, "/talk", size=PHONE)
            await expect(talk.page.get_by_text("You are next")).to_be_visible()
            await expect(talk.page.get_by_text("not known yet")).to_be_visible()
            assert await talk.overflow() == 0
            behind = await visit(program, "/talk", locale="fr-FR")
            await expect(behind.page.get_by_text("Vous êtes le numéro 2 dans la file")).to_be_visible()
            async with program.request("DELETE", f"/api/v1/tokens/{issued['id']}"):
                pass
            await talk.connected()
            await talk.write("Who are you?")
            row = await ended(program, (await talk.event("turn_started"))["turn"])
            await expect(talk.page.get_by_text("You are next")).to_have_count(0)
            await expect(talk.page.get_by_role("log")).to_contain_text(re.split("[.!?]", str(row["heard"]))[0])
            await expect(behind.page.get_by_text("C’est bientôt votre tour")).to_be_visible()
            await expect(behind.page.get_by_text(re.compile("Encore .* min"))).to_be_visible()
            assert talk.complaints == []


async def test_a_button_elsewhere_opens_this_windows_microphone(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.connected()
    at = f"/api/v1/floors/{talk.welcome['floor']}"
    await talk.page.get_by_role("switch", name="Hands-free").click()
    await until(lambda: {"type": "microphone", "on": True} in talk.orders, "an offer of the microphone")
    await expect(talk.page.get_by_role("switch", name="Hands-free")).to_be_checked()
    await talk.page.get_by_role("switch", name="Hands-free").click()
    assert (await program.post(f"{at}/press"))[0] == 204
    await expect(talk.page.get_by_role("button", name="Let go to send")).to_have_attribute("aria-pressed", "true")
    frames = len(talk.voice)
    await until(lambda: len(talk.voice) > frames, "the microphone's sound")
    assert (await program.post(f"{at}/release"))[0] == 204
    await expect(talk.page.get_by_role("button", name="Hold to talk")).to_be_visible()


async def test_devices_and_times_are_chosen_once_and_stay(program: Marotte, visit: Visit) -> None:
    talk = await visit(program, "/talk")
    await talk.sounding()
    await talk.write("Who are you?")
    await talk.event("turn_ended")
    times = talk.page.get_by_role("region", name="Times of the last answer")
    await expect(times).to_have_count(0)
    await talk.page.get_by_role("button", name="Times of the last answer").click()
    await expect(times).to_contain_text(re.compile(r"\d ?m?sfirst sound"))
    await talk.page.get_by_role("switch", name="Hands-free").click()
    await until(lambda: talk.voice, "the microphone's sound")
    await talk.page.get_by_role("button", name="Settings").click()
    await talk.page.get_by_role("combobox", name="Microphone").click()
    chosen = talk.page.get_by_role("option").last
    name = await chosen.inner_text()
    frames = len(talk.voice)
    await chosen.click()
    await until(lambda: len(talk.voice) > frames + 20, "sound of the other microphone")
    await talk.page.reload()
    await expect(times).to_be_visible()
    await talk.page.get_by_role("button", name="Settings").click()
    await expect(talk.page.get_by_role("combobox", name="Microphone")).to_contain_text(name)
    await expect(talk.page.get_by_role("combobox", name="Loudspeaker")).to_be_visible()
