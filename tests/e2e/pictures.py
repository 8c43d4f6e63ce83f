"""Make the documents' pictures from the running program: ``python -m tests.e2e.pictures OUT_DIR``."""

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.e2e.on_air import OnAir, on_air
from tests.e2e.visitor import DESK, PHONE, SHOW, Visitor, chromium, enter
from tests.servers.marotte import TOKEN, Marotte, marotte
from tests.waiting import until

SKULL = SHOW.replace('name = "Pip"', 'name = "Mr. Bones"\ndrawing = "skull"') + "[sight]\nwatch = 1\nremark_every = 0\n"
DESK_OF_THE_OPERATOR = (1280, 1120)
TALL_DESK = (1280, 900)
LACKING = ("moderator:read:followers", "clips:edit")
"""Rights that the stream's token lacks."""
SPAM = "Best viewers and cheap followers on growyourchannel .com"
SHARPNESS = 2
"""Pixels of a picture for one of the page."""
WELCOME = "Good evening, and welcome to the smallest theatre in town."
BONES = "Do come in. I would get up, but you know how it is."
ORANGE = "Somebody in orange, and a lamp that somebody has left on for me."
LONG = (
    "Ladies and gentlemen, the bells are ringing, the curtain is nervous, and so am I, because tonight for the first"
    " time somebody sits in every single chair."
)
WHEEL = "!wheel sing, tell a joke, polish the bells, dance, a riddle, tomato soup, do an impression, be quiet"
CHAT = (("Ada", "Did you ever lose a bell?"), ("Bruno", "What rhymes with marotte?"), ("Chiyo", "こんばんは！"))
PAGES = ("people", "memory", "moderation", "engines", "timings", "log", "settings", "database", "doctor", "security")
CAMERA = """{
    const canvas = Object.assign(document.createElement("canvas"), {width: 640, height: 480});
    const pen = canvas.getContext("2d");
    const fill = (colour, ...ellipse) => {
        pen.fillStyle = colour;
        pen.beginPath();
        pen.ellipse(...ellipse, 0, 0, 7);
        pen.fill();
    };
    setInterval(() => {
        pen.fillStyle = "#7f8fa6";
        pen.fillRect(0, 0, 640, 480);
        fill("#f6d98a", 540, 90, 46, 46);
        fill("#4a2f27", 320, 170, 104, 116);
        fill("#d9822b", 320, 480, 210, 190);
        fill("#e8b796", 320, 300, 42, 60);
        fill("#e8b796", 320, 200, 84, 104);
        fill("#3b2a25", 288, 190, 9, 11);
        fill("#3b2a25", 352, 190, 9, 11);
        fill("#a8574a", 320, 250, 30, 12);
    }, 50);
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async wish => wish.video ? canvas.captureStream(10) : ask(wish);
}; 0"""
"""A camera before which somebody in orange sits, drawn with a few ellipses, beside a lamp."""
JAW_OPEN = """() => new Promise((done) => {
    const next = requestAnimationFrame.bind(globalThis);
    const look = () => {
        if (Number(document.querySelector("svg[data-jaw]").dataset.jaw) < 0.6) return next(look);
        globalThis.requestAnimationFrame = () => 0;
        done();
    };
    look();
})"""
"""Wait until the jaw is wide open, and let it stay so."""
TOKENS = (("Ada’s phone", "moderator"), ("the capture", "viewer"))


async def chatted(program: Marotte, who: str, text: str, wait: int = 0) -> None:
    viewer = {"id": f"test:{who.lower()}", "name": who}
    await program.post(f"/api/v1/percepts?wait={wait}", {"type": "chat_message", "text": text, "viewer": viewer})


async def say(program: Marotte, text: str) -> None:
    await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "text": text})


async def frozen(visitor: Visitor) -> None:
    """Wait until some of the words are lit, the mouth is open and the eyes are not shut; then let nothing move."""
    await visitor.page.evaluate(
        """() => new Promise((done) => {
            const next = requestAnimationFrame.bind(globalThis);
            const look = () => {
                const words = [...document.querySelectorAll("[data-subtitles] [data-lit]")];
                const lit = words.filter((word) => word.dataset.lit === "true").length / words.length;
                const level = document.querySelector("svg[data-level]")?.dataset.level ?? "1";
                const lid = document.querySelector("g[id$='-lid-left']")?.transform.baseVal.consolidate();
                const open = Number(level) > 0.3 && (lid?.matrix.f ?? 0) < 40;
                if (words.length > 4 && lit > 0.35 && lit < 0.8 && open) {
                    // What is drawn now stays: neither those who wait for the next frame nor others get one.
                    for (let last = next(() => {}), id = last; id > last - 100; id--) cancelAnimationFrame(id);
                    globalThis.requestAnimationFrame = () => 0;
                    done();
                } else next(() => setTimeout(look));
            };
            look();
        })"""
    )


async def keep(visitor: Visitor, file: Path) -> None:
    # A word's colour is still on its way when it lights up: show where it arrives.
    await visitor.page.screenshot(path=file, animations="disabled")
    assert visitor.complaints == [], "a picture of a window that lacks something"
    print(file)


async def talk(browser: Browser, program: Marotte, file: Path, size: tuple[int, int]) -> None:
    """A conversation with the character in the middle of a sentence."""
    name = {"origin": program.url, "localStorage": [{"name": "marotte.name", "value": "Ada"}]}
    visitor = await enter(
        browser,
        f"{program.url}/talk",
        size=size,
        color_scheme="dark",
        device_scale_factor=SHARPNESS,
        storage_state={"cookies": [], "origins": [name]},
    )
    await visitor.connected()
    for number, text in enumerate(("Who are you?", "Tell me a joke"), 1):
        await visitor.write(text)
        await until(lambda n=number: len(visitor.events("turn_ended")) == n, "an answer")
    await visitor.write("Tell me a story")
    await until(lambda: len(visitor.events("turn_started")) == 3, "the story")
    story = visitor.events("turn_started")[2]["turn"]
    await visitor.event("line_started", turn=story)
    await frozen(visitor)
    await keep(visitor, file)
    await visitor.page.context.close()


async def stage(browser: Browser, program: Marotte, file: Path, text: str) -> None:
    """The character on the stage, in the middle of a sentence."""
    visitor = await enter(
        browser, f"{program.url}/stage?background=house", color_scheme="dark", device_scale_factor=SHARPNESS
    )
    await visitor.connected()
    await expect(visitor.page.get_by_role("img").first).to_be_visible()
    await say(program, text)
    await frozen(visitor)
    await keep(visitor, file)
    await visitor.event("turn_ended")
    await visitor.page.context.close()


async def wheel(browser: Browser, program: Marotte, file: Path) -> None:
    """The wheel on the stage when it has stopped, while the character says where."""
    visitor = await enter(
        browser, f"{program.url}/stage?background=house", color_scheme="dark", device_scale_factor=SHARPNESS
    )
    await visitor.connected()
    await expect(visitor.page.get_by_role("img").first).to_be_visible()
    viewer = {"id": "test:ada", "name": "Ada", "roles": ["moderator"]}
    await program.post("/api/v1/percepts", {"type": "chat_message", "text": WHEEL, "viewer": viewer})
    await expect(visitor.page.locator("[data-winner]")).to_be_visible()
    await frozen(visitor)
    await keep(visitor, file)
    await visitor.event("turn_ended")
    await visitor.page.context.close()


async def seen(browser: Browser, program: Marotte, file: Path) -> None:
    """A conversation in which the character may see: what it sees is in the corner."""
    name = {"origin": program.url, "localStorage": [{"name": "marotte.name", "value": "Ada"}]}
    visitor = await enter(
        browser,
        f"{program.url}/talk",
        color_scheme="dark",
        device_scale_factor=SHARPNESS,
        storage_state={"cookies": [], "origins": [name]},
    )
    page = visitor.page
    await visitor.connected()
    await page.evaluate(CAMERA)
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_role("combobox", name="Let it see").click()
    await page.get_by_role("option", name="My camera").click()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("region", name="What it can see now")).to_be_visible()
    await page.mouse.move(1, 200)
    await page.evaluate("document.activeElement.blur()")
    words = {"type": "asked", "verbatim": True, "text": ORANGE, "floor": visitor.welcome["floor"]}
    await program.post("/api/v1/percepts", words)
    await frozen(visitor)
    await keep(visitor, file)
    await page.context.close()


async def skull(browser: Browser, program: Marotte, file: Path) -> None:
    """The simulated skull with its jaw open, after some words, while it looks at who is there."""
    visitor = await enter(browser, f"{program.url}/skull", color_scheme="dark", device_scale_factor=SHARPNESS)
    await visitor.connected()
    sound = visitor.page.locator("[data-sound]")
    await expect(sound).to_have_attribute("data-sound", "on")
    await visitor.page.evaluate(CAMERA)
    await until(lambda: visitor.pictures, "a picture")
    words = {"type": "asked", "verbatim": True, "text": BONES, "floor": visitor.welcome["floor"]}
    await program.post("/api/v1/percepts", words)
    await until(lambda: len(visitor.sound) > 120, "some words")
    await visitor.page.evaluate(JAW_OPEN)
    await keep(visitor, file)
    await visitor.page.context.close()


async def control(browser: Browser, program: Marotte, folder: Path) -> None:
    """The operator's desk in the middle of a show: something is said, something waits, something was answered."""
    for who, text in CHAT[:2]:
        await chatted(program, who, text, wait=60)
    desks = [
        await enter(
            browser,
            f"{program.url}/control",
            token=TOKEN,
            size=DESK_OF_THE_OPERATOR,
            color_scheme=scheme,
            device_scale_factor=SHARPNESS,
        )
        for scheme in ("dark", "light")
    ]
    for desk in desks:
        await desk.connected()
    await say(program, LONG)
    for who, text in (*CHAT[2:], ("Ada", "And who polishes them?")):
        await chatted(program, who, text)
    for desk in desks:
        await expect(desk.card("Queue").get_by_role("listitem").filter(has_text="public")).to_have_count(2)
    await asyncio.gather(*map(frozen, desks))
    for desk, name in zip(desks, ("control.png", "control-light.png"), strict=True):
        await keep(desk, folder / name)
        await desk.page.context.close()


async def pages(browser: Browser, program: Marotte, folder: Path) -> None:
    """The desk's other pages, after what has happened."""
    for name, role in TOKENS:
        await program.post("/api/v1/tokens", {"name": name, "role": role})
    for page in PAGES:
        desk = await enter(
            browser, f"{program.url}/control/{page}", token=TOKEN, size=DESK, color_scheme="dark", device_scale_factor=1
        )
        await desk.connected()
        for busy in ("Loading…", "Checking…"):
            await expect(desk.page.get_by_text(busy)).to_have_count(0)
        await keep(desk, folder / f"control-{page}.png")
        await desk.page.context.close()


async def connections(browser: Browser, stream: OnAir, file: Path) -> None:
    """A stream on Twitch: what one has, what is missing, and the gap after the network was away."""
    program, twitch = stream
    twitch.stream_online()
    twitch.chat("ada", "Good evening!")
    await twitch.flushed()
    twitch.fault("drop")

    async def back() -> bool:
        [found] = await program.get("/api/v1/connections")
        return bool(found["gaps"]) and bool(found["stream"]) and found["state"] == "up"

    await until(back, "the connection after a gap")
    desk = await enter(browser, f"{program.url}/control/connections", token=TOKEN, size=TALL_DESK, color_scheme="dark")
    await desk.connected()
    await desk.card("Twitch").get_by_text("1 gap").click()
    await desk.page.mouse.move(1, 1)
    await keep(desk, file)
    await desk.page.context.close()


async def queue(browser: Browser, stream: OnAir, file: Path) -> None:
    """What waits in the middle of a stream: what was paid for comes first, each with the reason why it waits."""
    program, twitch = stream
    desk = await enter(
        browser,
        f"{program.url}/control",
        token=TOKEN,
        size=DESK_OF_THE_OPERATOR,
        color_scheme="dark",
        device_scale_factor=SHARPNESS,
    )
    await desk.connected()

    async def silent() -> bool:
        return not any(floor["turn"] for floor in await program.get("/api/v1/floors"))

    await until(silent, "silence")
    await program.post("/api/v1/percepts", {"type": "asked", "verbatim": True, "firm": True, "text": LONG})
    await desk.event("line_started", shown=LONG)
    for who, text in CHAT:
        twitch.chat(who.lower(), text)
    twitch.cheer("dora", 500, "For new bells!")
    twitch.redeem("emil", "Sing something")
    rows = desk.card("Queue").get_by_role("listitem").filter(has_text="twitch · public")
    await expect(rows).to_have_count(5)
    await frozen(desk)
    await keep(desk, file)
    await desk.page.context.close()


async def judged(browser: Browser, stream: OnAir, file: Path) -> None:
    """Who spoils the chat, with the evidence, in rehearsal."""
    program, twitch = stream
    for who in ("views4you", "growfast77"):
        twitch.chat(who, SPAM)
    desk = await enter(browser, f"{program.url}/control/moderation", token=TOKEN, size=TALL_DESK, color_scheme="dark")
    await desk.connected()
    await desk.page.get_by_role("tab", name="People").click()
    await desk.page.evaluate("document.activeElement.blur()")
    await expect(desk.page.get_by_text("growfast77", exact=False).first).to_be_visible()
    await expect(desk.page.get_by_text("Loading…")).to_have_count(0)
    await keep(desk, file)
    await desk.page.context.close()


async def held(browser: Browser, stream: OnAir, file: Path) -> None:
    """What AutoMod holds back, with the buttons."""
    program, twitch = stream
    twitch.automod_hold("chiyo", "you silly wooden head, say something clever for once")
    other = twitch.automod_hold("bruno", "that joke was a load of custard", "custard")
    desk = await enter(browser, f"{program.url}/control/moderation", token=TOKEN, size=DESK, color_scheme="dark")
    await desk.connected()
    await desk.page.get_by_role("tab", name="Held back").click()
    await desk.page.evaluate("document.activeElement.blur()")
    twitch.automod_update(other, "denied", by="marotte")
    await expect(desk.page.get_by_text("kept out").first).to_be_visible()
    await keep(desk, file)
    await desk.page.context.close()


async def make(folder: Path) -> None:
    """Make all pictures."""
    with (
        tempfile.TemporaryDirectory(prefix="jester-") as house,
        tempfile.TemporaryDirectory(prefix="stream-") as hall,
        tempfile.TemporaryDirectory() as crypt,
    ):
        async with chromium() as browser:
            async with marotte(Path(house), SHOW) as program:
                await talk(browser, program, folder / "talk.png", DESK)
                await talk(browser, program, folder / "talk-phone.png", PHONE)
                await seen(browser, program, folder / "talk-seen.png")
                await stage(browser, program, folder / "stage.png", WELCOME)
                await wheel(browser, program, folder / "wheel.png")
                await control(browser, program, folder)
                await pages(browser, program, folder)
            async with on_air(Path(hall), "[moderation.people]\non = true\n", LACKING) as stream:
                await connections(browser, stream, folder / "control-connections.png")
                await queue(browser, stream, folder / "control-queue.png")
                await judged(browser, stream, folder / "control-people-judged.png")
                await held(browser, stream, folder / "control-held.png")
            async with marotte(Path(crypt), SKULL) as program:
                await stage(browser, program, folder / "skull.png", BONES)
                await skull(browser, program, folder / "skull-window.png")


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(make(pictures))
