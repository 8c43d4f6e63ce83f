"""What is remembered of a conversation, what is learnt, and what is forgotten."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from marotte import config
from marotte.engines.kinds import Arrival
from marotte.events import AnyPercept, ChatMessage, Ending, Gift, Lull, TurnStarted, Utterance, Viewer
from marotte.mind.learning import LONGEST, MOST, learnable
from marotte.mind.memory import Memory, wants_forgetting
from marotte.store import Store, StoreError
from marotte.text.normal import tokens
from marotte.time import Clock

pytestmark = pytest.mark.anyio

ADA = Viewer(id="irc:test/ada", name="Ada", platform="irc")
BOB = Viewer(id="irc:test/bob", name="Bob", platform="irc")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'show.sqlite'}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url, Clock())
    yield store
    await store.close()


def memory_of(store: Store, scope: str = "public", tokens: int = 2_000, recall: int = 6) -> Memory:
    return Memory(store, config.Memory(tokens=tokens, recall=recall), Clock(), scope)


def says(text: str, viewer: Viewer | None = ADA, floor: str = "public") -> ChatMessage:
    return ChatMessage(at=1.0, viewer=viewer, floor=floor, text=text)


async def exchange(
    store: Store,
    memory: Memory,
    percept: AnyPercept,
    heard: str,
    state: str = "done",
    cut: bool = False,
    leaving: tuple[str, ...] = (),
):
    """Live through one turn as the director does."""
    turn = f"turn of {percept.id}"
    started = TurnStarted(at=Clock().wall(), floor=percept.floor, turn=turn, lane="chat", percepts=(percept.id,))
    store.begin_turn(started, [percept])
    await memory.keep(turn, [percept], Ending(state=state, heard=heard, cut=cut), leaving)


async def texts(memory: Memory, percept: AnyPercept | None = None) -> list[tuple[str, str]]:
    recalled = await memory.recall([percept] if percept else [], "en")
    return [(message.role, message.text) for message in recalled.history]


# --- the conversation ---


async def test_history_holds_what_was_said_and_exactly_what_was_heard(store: Store) -> None:
    memory = memory_of(store)
    await exchange(store, memory, says("Hello there"), "Hello,", state="interrupted", cut=True)
    await exchange(store, memory, says("Go on"), "Where was I?")
    assert await texts(memory) == [
        ("user", "Hello there"),
        ("assistant", "Hello,"),
        ("user", "Go on"),
        ("assistant", "Where was I?"),
    ]
    assert (await store.recent_turns())[-1].cut


@pytest.mark.parametrize("read_first", [False, True])
async def test_history_is_the_same_from_the_tail_and_from_the_rows(store: Store, read_first: bool) -> None:
    memory = memory_of(store)
    if read_first:
        await memory.recall([], "en")
    await exchange(store, memory, says("One"), "First.")
    await exchange(store, memory, Gift(at=2.0, viewer=BOB, message="for you"), "Thanks, Bob!")
    await exchange(store, memory, Lull(at=3.0, seconds=90), "So quiet.")
    await exchange(store, memory, says("Four"), "", state="failed")
    await exchange(store, memory, says("Five"), "", state="discarded")
    there = (await memory.recall([], "en")).history
    assert there == (await memory_of(store).recall([], "en")).history
    assert [m.text for m in there] == ["One", "First.", "for you", "Thanks, Bob!", "So quiet.", "Four"]
    assert [m.name for m in there] == ["Ada", "", "Bob", "", "", "Ada"]


async def test_history_is_trimmed_to_the_tokens_of_the_show_oldest_first(store: Store) -> None:
    memory = memory_of(store, tokens=100)
    await memory.recall([], "en")
    for number in range(30):
        await exchange(store, memory, says(f"This is message number {number}"), f"And this is answer number {number}.")
    for recalled in (await memory.recall([], "en"), await memory_of(store, tokens=100).recall([], "en")):
        assert recalled.history[-1].text == "And this is answer number 29."
        assert 60 < sum(tokens(m.text) + tokens(m.name) for m in recalled.history) <= 100
        assert recalled.history[0].role == "user"


async def test_an_exchange_larger_than_the_tokens_is_left_out(store: Store) -> None:
    memory = memory_of(store, tokens=100)
    await exchange(store, memory, says("word " * 500), "Long.")
    assert await texts(memory) == []


# --- facts ---

LEARNT = [
    ("My name is Ada Lovelace, what's yours?", "name", "Ada's name is Ada Lovelace."),
    ("hi! I live in St. Petersburg with my cat", "city", "Ada lives in St Petersburg."),
    ("I'm from Peru", "origin", "Ada comes from Peru."),
    ("i live in berlin lol 😂", "city", "Ada lives in berlin."),
    ("I told you, my name is actually Eve", "name", "Ada's name is Eve."),
    ("If you ask me, I love pizza", "likes", "Ada likes pizza."),
    ("tell me about the moon and I love cheese", "likes", "Ada likes cheese."),
    ("je viens de Montpellier", "origin", "Ada vient de Montpellier."),
    ("je viens de la Réunion", "origin", "Ada vient de la Réunion."),
    ("私は東京に住んでるよ（笑）", "city", "Adaは東京に住んでいます。"),
    ("ごはんが好き", "likes", "Adaはごはんが好きです。"),
    ("my dog is called Rex", "pet dog", "Ada's dog is called Rex."),
    ("my cat’s name is Tom", "pet cat", "Ada's cat is called Tom."),
    ("I really love pizza, but I hate olives", "likes", "Ada likes pizza."),
    ("I like my job", "likes", "Ada likes their job."),
    ("i don't like mondays", "dislikes", "Ada dislikes mondays."),
    ("I'm a software engineer", "job", "Ada is a software engineer."),
    ("my birthday is on May 5th!", "birthday", "Ada's birthday is May 5th."),
    ("My favourite colour is dark blue.", "favourite colour", "Ada's favourite colour is dark blue."),
    ("please remember that I owe Bob 5 euros", "note", "Ada asked you to remember: “I owe Bob 5 euros”."),
    ("Me llamo José y vivo en Ciudad de México", "city", "Ada vive en Ciudad de México."),
    ("Mi perro se llama Toby", "pet dog", "Ada tiene un animal (perro) que se llama Toby."),
    ("No me gusta el frío", "dislikes", "A Ada no le gusta el frío."),
    ("Me encanta el chocolate", "likes", "A Ada le gusta el chocolate."),
    ("soy profesora", "job", "Ada es profesora."),
    ("mi cumpleaños es el 3 de mayo", "birthday", "El cumpleaños de Ada es el 3 de mayo."),
    ("recuerda que mañana viajo", "note", "Ada te pidió recordar: «mañana viajo»."),
    ("Je m'appelle Zoé, et toi ?", "name", "Ada s'appelle Zoé."),
    ("J’habite à Lyon", "city", "Ada habite à Lyon."),
    ("ma chatte s'appelle Mimi", "pet cat", "Ada a un animal (chatte) qui s'appelle Mimi."),
    ("j'adore le fromage", "likes", "Ada aime le fromage."),
    ("je n'aime pas la pluie", "dislikes", "Ada n'aime pas la pluie."),
    ("je suis infirmière", "job", "Ada est infirmière."),
    ("mon plat préféré est la pizza", "favourite plat", "En plat, Ada préfère la pizza."),
    ("我叫小明，你呢？", "name", "Ada的名字是小明。"),
    ("我住在北京", "city", "Ada住在北京。"),
    ("我的狗叫小黑", "pet dog", "Ada的狗叫小黑。"),
    ("我很喜欢猫！", "likes", "Ada喜欢猫。"),
    ("我讨厌下雨", "dislikes", "Ada不喜欢下雨。"),
    ("我是老师", "job", "Ada是老师。"),
    ("我的生日是五月五日", "birthday", "Ada的生日是五月五日。"),
    ("请记住我明天不来", "note", "Ada请你记住：“我明天不来”。"),
    ("私の名前は花子です。", "name", "Adaの名前は花子です。"),
    ("私は太郎といいます", "name", "Adaの名前は太郎です。"),
    ("東京に住んでいます", "city", "Adaは東京に住んでいます。"),
    ("うちの犬の名前はポチです", "pet dog", "Adaの犬の名前はポチです。"),
    ("猫が大好きです！", "likes", "Adaは猫が好きです。"),
    ("納豆が苦手です", "dislikes", "Adaは納豆が好きではありません。"),
    ("私はエンジニアです", "job", "Adaの仕事はエンジニアです。"),
    ("誕生日は五月五日です", "birthday", "Adaの誕生日は五月五日です。"),
    ("明日休むことを覚えておいて", "note", "Adaに覚えてと頼まれたこと：「明日休む」。"),
]
NOTHING = [
    "hello!",
    "what is my name?",
    "do you remember that I live in Rome?",
    "what if my name is not Bob",
    "I am a bit tired",
    "I'm a big fan of jazz",
    "I like you",
    "I love https://evil.example/x",
    "soy feliz, y soy mejor que tú",
    "no vivo en Madrid",
    "je suis fatigué",
    "tu aimes le fromage ?",
    "我爱你",
    "我喜欢猫吗？",
    "猫が好きですか",
    "犬が好きな人が来ました",
    "you can call me later",
    "my name is on the list",
    "I'm called a liar",
    "If I live in London I'd be happy",
    "I never said I live in Rome",
    'My friend said "I live in Oslo"',
    '"My name is Inigo Montoya" is a great line',
    "somebody told me my name is Jeff",
    "I can't say I love pineapple",
    "is it bad that I like feet",
    "no me llamo Pedro",
    "me llamo la atención",
    "ojalá vivo en Roma",
    "mi hermano dice que vivo en la luna",
    "je viens de manger",
    "je viens d'arriver",
    "je viens de l'apprendre",
    "on dit que je m'appelle Marie",
    "我叫他来",
    "我叫了外卖",
    "他说我叫小明",
    "如果我住在北京就好了",
    "以前我住在上海",
    "友達が東京に住んでいます",
    "彼は東京に住んでいます",
    "東京に住んでいる友達がいます",
    "猫が好きだった",
    "母の誕生日は五月五日です",
    "彼は「東京に住んでいます」と言った",
]


@pytest.mark.parametrize(("said", "key", "text"), LEARNT)
def test_facts_are_read_in_five_languages(said: str, key: str, text: str) -> None:
    found = {fact.key: fact for fact in learnable(said, "Ada")}
    assert found[key].text == text
    assert found[key].quote


@pytest.mark.parametrize("said", NOTHING)
def test_questions_moods_and_pleasantries_are_no_facts(said: str) -> None:
    assert learnable(said, "Ada") == []


def test_what_is_learnt_at_once_is_bounded() -> None:
    assert len(learnable(". ".join(f"I like thing{n}" for n in range(40)), "Ada")) == MOST
    assert learnable("x" * LONGEST + ". My name is Ada", "Ada") == []


@pytest.mark.timeout(5)
@pytest.mark.parametrize("laughter", ["😂", "哈", "ha", ":)", "lol ", "w"])
def test_laughter_without_end_is_read_at_once(laughter: str) -> None:
    assert learnable(laughter * LONGEST + "x", "Ada") == []
    assert learnable(laughter * (LONGEST // len(laughter) - 1) + "x", "Ada") == []


async def test_a_fact_is_kept_with_the_percept_and_the_words_it_came_from(store: Store) -> None:
    percept = says("Hi! My dog is called Rex. Bye")
    assert await memory_of(store).learn(percept) == ["Ada's dog is called Rex."]
    (fact,) = await store.facts_of("public", ADA.id)
    assert (fact.source, fact.quote, fact.key) == (percept.id, "My dog is called Rex.", "pet dog")


async def test_a_newer_fact_replaces_an_older_one_only_where_there_can_be_one(store: Store) -> None:
    memory = memory_of(store)
    for said in ("I live in Paris", "I like tea", "I live in Rome", "I like jam", "I like tea"):
        percept = says(said)
        await memory.learn(percept)
    facts = await store.facts_of("public", ADA.id)
    assert [fact.text for fact in facts] == ["Ada likes tea.", "Ada likes jam.", "Ada lives in Rome."]
    assert facts[0].source == percept.id


async def test_doubtful_words_teach_nothing(store: Store) -> None:
    heard = Utterance(at=1.0, viewer=ADA, text="My name is Eda", uncertain=True)
    assert await memory_of(store).learn(heard) == []


async def test_a_partner_whom_nobody_knows_is_remembered_on_their_floor(store: Store) -> None:
    memory = memory_of(store, "talk-1")
    heard = Utterance(at=1.0, floor="talk-1", text="I live in Oslo")
    assert await memory.learn(heard) == ["The partner lives in Oslo."]
    assert (await memory.recall([heard], "en")).facts == ("The partner lives in Oslo.",)
    assert await memory.forget("floor:talk-1") == 1
    assert (await memory.recall([heard], "en")).facts == ()


@pytest.mark.parametrize(
    ("told", "asked", "language"),
    [
        ("my dog is called Rex", "what is the name of my pet?", "en"),
        ("I live in Paris", "where is my home town?", "en"),
        ("Mi perro se llama Toby", "¿cómo se llama mi mascota?", "es"),
        ("j'habite à Lyon", "dans quelle ville j'habite ?", "fr"),
        ("我住在北京", "我住在哪里？", "zh"),
        ("我很喜欢猫", "谁喜欢猫？", "zh"),
        ("うちの犬の名前はポチです", "ペットの名前を覚えてる？", "ja"),
        ("東京に住んでいます", "どこに住んでいますか", "ja"),
        ("私の名前は花子です", "what is my name?", "en"),
    ],
)
async def test_what_is_asked_for_comes_first(store: Store, told: str, asked: str, language: str) -> None:
    memory = memory_of(store, recall=2)
    await memory.learn(says(told))
    (wanted,) = await store.facts_of("public", ADA.id)
    for distraction in ("I like trains", "I hate olives", "my favourite colour is blue"):
        await memory.learn(says(distraction))
    recalled = await memory.recall([says(asked)], language)
    assert recalled.facts[0] == wanted.text
    assert len(recalled.facts) == 2


async def test_what_is_asked_for_is_found_among_what_a_crowd_told(store: Store) -> None:
    memory = memory_of(store, recall=2)
    await memory.learn(says("I live in a small old town called Oslo"))
    for number in range(30):
        await memory.learn(says("I live in Rome", Viewer(id=f"irc:{number}", name=f"Guest{number}", platform="irc")))
    for distraction in ("I like trains", "I hate olives", "my favourite colour is blue"):
        await memory.learn(says(distraction))
    recalled = await memory.recall([says("where do I live?")], "en")
    assert recalled.facts[0] == "Ada lives in a small old town called Oslo."


async def test_others_are_recalled_where_they_are_spoken_of(store: Store) -> None:
    memory = memory_of(store)
    await memory.learn(says("I live in Paris", BOB))
    for said in ("I like tea", "I like jam", "I like figs", "I like rye", "I like ham", "I like nuts"):
        await memory.learn(says(said))
    facts = (await memory.recall([says("Where does Bob live?")], "en")).facts
    assert "Bob lives in Paris." in facts
    assert len(facts) == 6


async def test_nothing_leaks_from_a_private_floor(store: Store) -> None:
    private, public = memory_of(store, "talk-1"), memory_of(store)
    await private.learn(says("my dog is called Rex", floor="talk-1"))
    await exchange(store, private, says("a secret", floor="talk-1"), "I keep it.")
    for other in (public, memory_of(store, "talk-2")):
        recalled = await other.recall([says("what is my dog called?")], "en")
        assert (recalled.facts, recalled.history) == ((), ())
    recalled = await private.recall([says("what is my dog called?", floor="talk-1")], "en")
    assert recalled.facts == ("Ada's dog is called Rex.",)
    assert len(recalled.history) == 2


async def test_recall_may_be_switched_off(store: Store) -> None:
    memory = memory_of(store, recall=0)
    await memory.learn(says("I live in Paris"))
    assert (await memory.recall([says("where do I live?")], "en")).facts == ()


async def test_the_conversation_goes_on_without_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = memory_of(store)
    await memory.recall([], "en")
    await exchange(store, memory, says("hello"), "Hello Ada.")

    async def away(*_: object, **__: object) -> None:
        raise StoreError("show.sqlite: cannot grow, the disk is full")

    for method in ("search_facts", "facts_of", "history", "add_fact", "forget_viewer"):
        monkeypatch.setattr(store, method, away)
    assert await memory.learn(says("my name is Ada")) == []
    assert await texts(memory, says("hi")) == [("user", "hello"), ("assistant", "Hello Ada.")]
    await exchange(store, memory, says("forget me"), "Oh.", leaving=(ADA.id,))
    assert (await memory_of(store).recall([says("hi")], "en")).history == ()
    assert caplog.text.count("disk is full") == 3
    with pytest.raises(StoreError):
        await memory.forget(ADA.id)


# --- forgetting ---


@pytest.mark.parametrize("opened", [True, False])
async def test_a_cleared_memory_has_nothing_in_mind_and_learns_again(store: Store, opened: bool) -> None:
    memory = memory_of(store)
    if opened:
        await memory.open()
    await memory.learn(says("I live in Oslo"))
    await exchange(store, memory, says("I live in Oslo"), "How nice.")
    await store.flush()
    assert await memory.clear() == 3
    recalled = await memory.recall([says("hi")], "en")
    assert (recalled.history, recalled.facts) == ((), ())
    await memory.learn(says("I live in Rome"))
    await exchange(store, memory, says("Hello"), "Hi.")
    assert await texts(memory) == [("user", "Hello"), ("assistant", "Hi.")]
    assert (await memory.recall([says("hi")], "en")).facts == ("Ada lives in Rome.",)


async def test_a_turn_that_was_deleted_is_no_longer_in_mind(store: Store) -> None:
    memory = memory_of(store)
    await memory.open()
    first, second = says("one"), says("two")
    await exchange(store, memory, first, "1")
    await exchange(store, memory, second, "2")
    memory.drop(f"turn of {first.id}")
    assert await texts(memory) == [("user", "two"), ("assistant", "2")]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("forget me", "en"),
        ("Pip, please forget what I said!", "en"),
        ("could you forget everything I told you", "en"),
        ("delete my data", "en"),
        ("Forget everything.", "en"),
        ("olvídame", "es"),
        ("por favor, olvida todo lo que te dije", "es"),
        ("Oublie-moi", "en"),
        ("oublie ce que j’ai dit", "fr"),
        ("忘了我", "zh"),
        ("请忘记我吧", "zh"),
        ("忘了我说的话", "zh"),
        ("私のことを忘れて", "ja"),
        ("私のことは忘れてください。", "ja"),
        ("忘れて", "ja"),
        ("hey Pip, forget me", "en"),
        ("@pip please forget what I just said", "en"),
        ("delete all my data", "en"),
        ("Please delete everything you know about me", "en"),
        ("quiero que me olvides", "es"),
        ("elimina mis datos", "es"),
        ("borra todo lo que sabes de mí", "es"),
        ("supprime mes données", "fr"),
        ("je veux que tu m’oublies", "fr"),
        ("oublie tout ce que tu sais de moi", "fr"),
        ("请删除我的资料", "zh"),
        ("私のデータを消して", "ja"),
        ("私を忘れてください", "ja"),
    ],
)
def test_a_wish_to_be_forgotten_is_understood(text: str, language: str) -> None:
    assert wants_forgetting(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("don't forget me", "en"),
        ("never forget me!", "en"),
        ("did you forget me?", "en"),
        ("I will never forget what I said", "en"),
        ("forget it", "en"),
        ("how could you forget me", "en"),
        ("people forget me", "en"),
        ("always forget me", "en"),
        ("Forget me not, said the flower", "en"),
        ("no olvida lo que dije", "es"),
        ("n'oublie pas ce que j'ai dit", "fr"),
        ("别删我的数据", "zh"),
        ("私のこと忘れてね？", "ja"),
        ("私は忘れて、困った", "ja"),
        ("私のデータを消してない？", "ja"),
        ("no me olvides", "es"),
        ("ne m'oublie pas", "fr"),
        ("别忘了我", "zh"),
        ("你忘了我吗？", "zh"),
        ("私のことを忘れないで", "ja"),
        ("忘れて", "en"),
    ],
)
def test_a_wish_to_be_remembered_is_no_wish_to_be_forgotten(text: str, language: str) -> None:
    assert not wants_forgetting(text, language)


async def test_who_is_forgotten_leaves_nothing_in_prompts(store: Store) -> None:
    memory = memory_of(store)
    await memory.recall([], "en")
    await memory.learn(says("my dog is called Rex"))
    await memory.learn(says("I live in Paris", BOB))
    await exchange(store, memory, says("my dog is called Rex"), "Rex, what a name!")
    await exchange(store, memory, says("hello", BOB), "Hello Bob.")
    assert await memory.forget(ADA.id) == 3  # the message, the fact, the viewer
    for fresh in (memory, memory_of(store)):
        assert await texts(fresh) == [("user", "hello"), ("assistant", "Hello Bob.")]
        assert (await fresh.recall([says("Rex?")], "en")).facts == ()
    assert await store.facts_of("public", BOB.id)


async def test_the_turn_in_which_somebody_asks_to_be_forgotten_is_forgotten_with_them(store: Store) -> None:
    memory = memory_of(store)
    wish = says("my name is Ada, forget me")
    assert await memory.learn(wish) == []
    await exchange(store, memory, wish, "Ada who?", leaving=(ADA.id,))
    assert await texts(memory) == []
    counts = await store.counts()
    assert (counts["percepts"], counts["facts"], counts["viewers"]) == (0, 0, 0)
    (turn,) = await store.recent_turns()
    assert (turn.text, turn.heard) == ("", "")


# --- who has just come ---


async def test_who_comes_for_the_first_time_or_is_back_is_known_once(store: Store) -> None:
    memory = memory_of(store)
    hello = says("hello")
    assert (await memory.recall([hello], "en")).arrivals == (Arrival("Ada"),)
    # To recall is not yet to have answered: what was begun early may be thrown away.
    assert (await memory.recall([hello], "en")).arrivals == (Arrival("Ada"),)
    await memory.learn(replace(hello, at=Clock().wall()))
    assert (await memory.recall([hello], "en")).arrivals == ()
    # In the next run, shortly after, she has not been away; Bob was, for two days.
    store.seen_viewer(BOB, Clock().wall() - 2 * 86_400)
    memory = memory_of(store)
    arrivals = (await memory.recall([hello, says("hi", BOB), says("me too", BOB)], "en")).arrivals
    assert [(arrival.name, round(arrival.away / 3_600)) for arrival in arrivals] == [("Bob", 48)]


async def test_a_person_is_the_same_on_another_account_and_new_where_the_platform_says_so(store: Store) -> None:
    store.seen_viewer(ADA, Clock().wall())
    other = Viewer(id="twitch:7", name="ada_tv", platform="twitch", known_as=ADA.id)
    assert (await memory_of(store).recall([says("hi", other)], "en")).arrivals == ()
    first = replace(says("hi"), first=True)
    assert (await memory_of(store).recall([first], "en")).arrivals == (Arrival("Ada"),)
    unwelcoming = Memory(store, config.Memory(welcome=False), Clock(), "public")
    assert (await unwelcoming.recall([first], "en")).arrivals == ()
