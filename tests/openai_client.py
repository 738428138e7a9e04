"""The official `openai` client against the example `consensus_endpoint`; run by tests/it/openai_client.rs.

usage: openai_client.py GOOD REFUSING BREAKING    base URLs of three endpoints: one whose upstream answers "The capital is
Paris", one whose upstream takes no key, one whose upstream breaks off after two pieces.
"""

import sys

import openai

good, refusing, breaking = (openai.OpenAI(base_url=url, api_key="none", max_retries=2) for url in sys.argv[1:4])
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Capital of France?"}]
ANSWER = "The capital is Paris"


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def told(stream):
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return text, chunks


models = [model.id for model in good.models.list()]
assert models == ["tiny", "consensus/tiny"], models

for model in models:
    def ask(client=good, **more):
        return client.chat.completions.create(model=model, messages=ASKED, **more)

    whole = ask(temperature=0.7, seed=7)
    assert whole.choices[0].message.content == ANSWER, whole
    assert whole.choices[0].finish_reason == "stop", whole
    replicates = 2 if model.startswith("consensus/") else 1
    assert whole.usage.total_tokens == 18 * replicates, whole.usage
    assert whole.orch["replayed"] is False and bool(whole.orch["consensus"]) == (replicates > 1), whole.orch

    text, chunks = told(ask(stream=True, stream_options={"include_usage": True}))
    assert text == ANSWER, chunks
    assert chunks[-1].usage.total_tokens == 18 * replicates and not chunks[-1].choices, chunks[-1]
    assert chunks[-2].choices[0].finish_reason == "stop" and chunks[-2].orch["run"], chunks[-2]

    headers = {"Idempotency-Key": f"key of {model}"}
    first, again = ask(extra_headers=headers), ask(extra_headers=headers)
    assert again.orch["replayed"] and again.usage.total_tokens == 0, again
    assert first.choices == again.choices and first.orch["run"] != again.orch["run"]
    text, _ = told(ask(stream=True, extra_headers=headers))
    assert text == ANSWER
    reused = raised(openai.UnprocessableEntityError, lambda: ask(temperature=1.5, extra_headers=headers))
    assert reused.code == "idempotency_key_reused", reused.body

    poor = raised(openai.APIStatusError, lambda: ask(max_tokens=50, extra_headers={"x-orch-budget-tokens": "20"}))
    assert (poor.status_code, poor.code) == (402, "budget_exceeded"), poor.body
    wrong = raised(openai.BadRequestError, lambda: ask(n=2))
    assert (wrong.param, wrong.code) == ("n", "invalid_request"), wrong.body

    raw = good.chat.completions.with_raw_response.create(model=model, messages=ASKED)
    assert raw.headers["x-orch-run"] == raw.parse().orch["run"]

    refused = raised(openai.InternalServerError, lambda: ask(refusing))
    assert (refused.status_code, refused.code) == (502, "upstream_failed"), refused.body

missing = raised(openai.NotFoundError, lambda: good.chat.completions.create(model="tinny", messages=ASKED))
assert missing.code == "model_not_found" and "did you mean `tiny`" in missing.message, missing.body

said = []
stream = breaking.chat.completions.create(model="tiny", messages=ASKED, stream=True)
broken = raised(openai.APIError, lambda: said.extend(chunk.choices[0].delta.content for chunk in stream))
assert "".join(said) == "The capital " and "stream broke" in broken.message, (said, broken)

print(f"openai {openai.__version__}: fine")
