//! Providers, their prices, and tools made of them.

use orch_facade::providers::{Anthropic, ChatTool, LocalAnswerer, OpenAi, PriceBook};

use super::{Row, row};

pub(super) fn rows() -> Vec<Row> {
    let open = || OpenAi::builder().model("small").api_key("secret-of-the-test");
    let at = |url: &str| open().base_url(url).build();
    let local = || LocalAnswerer::new("A sentence.").unwrap();
    vec![
        row(
            "no model",
            OpenAi::builder().api_key("k").build(),
            "invalid request at `/model`: which model? set `model`",
        ),
        row(
            "no key at the vendor's host",
            OpenAi::builder().model("small").build(),
            "invalid request at `/api_key`: openai needs a key: set `api_key_env` or `api_key`",
        ),
        row(
            "an empty key",
            OpenAi::builder().model("small").api_key("").build(),
            "invalid request at `/api_key`: the API key is empty",
        ),
        row(
            "a key of two lines",
            OpenAi::builder().model("small").api_key("sec\nret").build(),
            "invalid request at `/api_key`: the API key holds a character that a header cannot carry",
        ),
        row(
            "a key from a variable that is not set",
            Anthropic::builder().model("small").api_key_env("ORCH_TEST_NO_SUCH_KEY").build(),
            "invalid request at `/api_key_env`: the environment variable `ORCH_TEST_NO_SUCH_KEY` is not set",
        ),
        row(
            "a URL without a scheme",
            at("api.openai.com/v1"),
            "invalid request at `/base_url`: not a URL, such as `https://host/v1`: relative URL without a base",
        ),
        row(
            "a URL of another scheme",
            at("ftp://api.openai.com"),
            "invalid request at `/base_url`: `ftp://api.openai.com/` is neither http nor https",
        ),
        row(
            "a URL with a password",
            at("https://me:password@example.org/v1"),
            "invalid request at `/base_url`: `https://example.org/v1` was given with credentials in it: use the API key",
        ),
        row(
            "a URL with a query",
            at("https://example.org/v1?key=1"),
            "invalid request at `/base_url`: `https://example.org/v1` was given with a query or a fragment, which a base URL cannot have",
        ),
        row(
            "a key over plain HTTP",
            at("http://example.org/v1"),
            "invalid request at `/base_url`: `http://example.org/v1` is plain http to another machine, which shows the key to everybody on the way: use https, or `allow_insecure_http(true)` where the network is trusted",
        ),
        row(
            "a URL that is none",
            at("https://exa mple.org"),
            "invalid request at `/base_url`: not a URL, such as `https://host/v1`: invalid international domain name",
        ),
        row(
            "a header that is none",
            open().header("not a header", "x").build(),
            "invalid request at `/headers/not a header`: not the name of a header",
        ),
        row(
            "a header that the wire sets",
            open().header("content-type", "text/plain").build(),
            "invalid request at `/headers/content-type`: is set by the provider itself",
        ),
        row(
            "a proxy that is none",
            open().proxy("::").build(),
            "invalid request at `/proxy`: not the URL of a proxy, such as `http://proxy:3128`",
        ),
        row(
            "a negative price",
            open().price(-1.0, 2.0).build(),
            "invalid request at `/input`: -1 is not a price in dollars: it must be finite and not negative",
        ),
        row(
            "a negative price in a book",
            PriceBook::new().price("small", 1.0, f64::NAN),
            "invalid request at `/output`: NaN is not a price in dollars: it must be finite and not negative",
        ),
        row(
            "a price since a day that there is not",
            PriceBook::new().price_since("small", "2027-02-30", 1.0, 2.0),
            "invalid request at `/since`: `2027-02-30` is not a day such as 2027-01-31",
        ),
        row(
            "a document without a sentence",
            LocalAnswerer::new(" \n"),
            "invalid request at `/document`: the document is empty: no sentence of it has a word",
        ),
        row(
            "a template that does not end",
            ChatTool::new("ask", local()).prompt("{{ question"),
            "invalid request at `/prompt`: syntax error: unexpected end of input, expected end of variable block (in prompt:1)",
        ),
    ]
}
