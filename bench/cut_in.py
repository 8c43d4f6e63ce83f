"""Milliseconds from somebody's first sound to silence in their talk window, with a real browser around it.

The page's microphone is a stream of the page's own, which says sentences that espeak-ng has spoken at known moments;
the character answers each text with a tone that lasts a quarter of a minute. Both are read on the page's clock: the
moment at which the first loud sample can have left the microphone at the earliest, and the last of the looks, one every
4 ms at 5 ms of sound, that found energy on its way to the loudspeaker before a tenth of a second of silence. Brain, ear
and voice are scripted; the program has a process of its own. The limit is the voice activity alone, in the sound's own
time: how long it must listen before it takes a sound for speech.
"""

import asyncio
import base64
import json
import multiprocessing
import tempfile
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, cast

from tests.e2e.visitor import MICROPHONE, Visitor, chromium
from tests.stand_ins import ScriptedBrain, ScriptedVoice

from bench import Row, Rows, go, median, percentile
from bench.conversation import SAID, Said, speak
from bench.floors import warm
from marotte import config
from marotte.engines.kinds import EngineSettings, Heard
from marotte.engines.registry import Built
from marotte.gateway.server import serve
from marotte.show import Run

SHOW = "[attention]\nlull_after = 0\npause = 0\n[brain]\ndiscover = false\n[voice]\ncache_mb = 0\n"
REPLY = (
    "once there was a puppet who lived in the attic of an old theatre and every evening when the lamps were lit it"
    " would climb down a rope of curtain cords to look for the bell that it lost in the very first year of the house"
    " behind the seventh row near a door that nobody had opened since the great flood came over the market square."
)
ROUNDS = 5
"""How often each sentence cuts in; the first of all is dropped."""
QUIET = 0.05
"""The part of the tone's energy below which it is gone."""
REST = 0.3
"""Seconds of silence between two rounds."""
GAP = 100.0
"""Milliseconds of silence that are no gap in the sound."""
PAGE = """
(() => {
  const bench = (globalThis.bench = {});
  navigator.mediaDevices.getUserMedia = async () => {
    bench.mic = new AudioContext();
    bench.out = bench.mic.createMediaStreamDestination();
    const still = new ConstantSourceNode(bench.mic, { offset: 0 });
    still.connect(bench.out);
    still.start();
    return bench.out.stream;
  };
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...more) {
    if (to instanceof AudioDestinationNode) {
      bench.ear = new AnalyserNode(this.context, { fftSize: 256 });
      connect.call(this, bench.ear);
    }
    return connect.call(this, to, ...more);
  };
  bench.energy = () => {
    const samples = new Float32Array(256);
    bench.ear.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
  };
  // Says 16-bit sound of 16 kHz; gives the moment of its first sample, and what was on its way to the loudspeaker.
  bench.cutIn = async (base64) => {
    const pcm = new Int16Array(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
    const buffer = new AudioBuffer({ length: pcm.length, sampleRate: 16000, numberOfChannels: 1 });
    buffer.copyToChannel(Float32Array.from(pcm, (each) => each / 32768), 0);
    const source = new AudioBufferSourceNode(bench.mic, { buffer });
    source.connect(bench.out);
    const at = bench.mic.currentTime + 0.2;
    source.start(at);
    const looks = [];
    let ahead = Infinity;
    const until = performance.now() + 1200;
    while (performance.now() < until) {
      await new Promise((later) => setTimeout(later, 4));
      ahead = Math.min(ahead, performance.now() - bench.mic.currentTime * 1000);
      looks.push([performance.now(), bench.energy()]);
    }
    return { onset: at * 1000 + ahead, looks };
  };
})();
"""


class Ear:
    """Hears words that cut in, and in the end that there were none: nobody waits for another answer."""

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        told = False
        async for _ in speech:
            if not told:
                yield Heard(text="oh wait a moment", final=False, language="en")
            told = True
        yield Heard(text="", language="en")

    async def close(self) -> None:
        pass


async def _show(folder: Path, pipe: Connection) -> None:
    """Serve a run with scripted engines."""
    run = Run(config.parse(SHOW), folder, {})
    for chain, engine in (
        (run.brains, ScriptedBrain(REPLY)),
        (run.voices, ScriptedVoice()),
        (run.ears, Ear()),
    ):
        chain.put_first(Built("scripted", cast("Any", engine), EngineSettings()))
    serving = asyncio.create_task(serve(run, "127.0.0.1", 0, browser=False))
    announced = folder / "running.json"
    while not announced.exists():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)
    await warm(run)
    pipe.send(json.loads(announced.read_text())["url"])
    await serving  # until this process is killed


def _child(folder: str, pipe: Connection) -> None:
    asyncio.run(_show(Path(folder), pipe))


async def _cut_in(talk: Visitor, pcm: bytes, rng: Random) -> float:
    """Let the character speak and cut in; return the milliseconds from the first sample to silence."""
    await talk.write("Go on.")
    await talk.page.wait_for_function("() => bench.ear && bench.energy() > 0.02")
    await asyncio.sleep(rng.uniform(0.4, 1.0))
    found: dict[str, Any] = await talk.page.evaluate("pcm => bench.cutIn(pcm)", base64.b64encode(pcm).decode())
    onset, looks = found["onset"], found["looks"]
    loud = median([energy for at, energy in looks if at < onset]) * QUIET
    last = onset
    for at, energy in looks:
        if at > onset and energy > loud:
            last = at
        elif at - last > GAP:
            break
    else:
        raise RuntimeError("it never fell silent")
    # What was said must be over and understood before the next round.
    await talk.event("turn_ended")
    await talk.event("transcript", final=True)
    talk.frames.clear()
    await asyncio.sleep(REST)
    return last - onset


async def _measure() -> Rows:
    here, there = multiprocessing.Pipe()
    rng = Random(5)
    spoken = await speak(SAID)
    with tempfile.TemporaryDirectory() as folder:
        child = multiprocessing.get_context("spawn").Process(target=_child, args=(folder, there))
        child.start()
        try:
            url = await asyncio.to_thread(here.recv)
            async with chromium(MICROPHONE) as browser:
                page = await browser.new_page()
                await page.add_init_script(PAGE)
                talk = Visitor(page)
                await page.goto(f"{url}/talk")
                await talk.connected()
                await talk.page.get_by_role("switch", name="Hands-free").click()
                took = [await _cut_in(talk, samples.astype("<i2").tobytes(), rng) for samples in spoken * ROUNDS]
        finally:
            child.kill()
            child.join()
    alone = [Said(samples, rng.uniform(0.5, 1.0)).alone().onset * 1e3 for samples in spoken * ROUNDS]
    name = "cut in: first sound to silence in the browser"
    return [
        Row(f"{name}: median", "ms", median(took[1:]), median(alone)),
        Row(f"{name}: p95", "ms", percentile(took[1:], 0.95), percentile(alone, 0.95), 150.0),
    ]


def run() -> Rows:
    return go(_measure())
