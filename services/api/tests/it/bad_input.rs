//! The table of what bad input gets, row by row.

use serde_json::{Value, json};

use crate::{
    app::{ADMIN_TOKEN, App, Member, fields, problem, text},
    raw::Raw,
};

async fn refused(app: &App, author: &Member, body: impl Into<reqwest::Body>) -> Value {
    let request = app.post("/v1/posts").bearer_auth(&author.token);
    let request = request
        .header("Content-Type", "application/json")
        .body(body);
    problem(request.send().await.unwrap(), 400).await
}

#[tokio::test]
async fn malformed_json_gets_400_and_the_place() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for (body, place) in [
        ("", "line 1 column 0"),
        ("{", "line 1 column 1"),
        ("[]", "object"),
        (" [\"a\", null, null, null, null, null, null]", "object"),
        ("\"text\"", "object"),
        (" null", "object"),
        (r#"{"text": 5}"#, "text"),
        (
            r#"{"text": "a", "recipients": ["ada", 5]}"#,
            "recipients[1]",
        ),
        (r#"{"text": "a", "recipients": "ada"}"#, "recipients"),
        (r#"{"text": "a", "visibility": "secret"}"#, "visibility"),
        (
            r#"{"text": "a", "visibility": {"public": null}}"#,
            "visibility",
        ),
        (r#"{"text": "a", "reply_to": 5}"#, "reply_to"),
        (r#"{"text": "a", "colour": "red"}"#, "colour"),
        (r#"{"text": "a", "text": "b"}"#, "text"),
        (r#"{"text": "a"} x"#, "trailing"),
        (r#"{"text": "a",}"#, "line 1 column 14"),
        (r#"{"text": "\ud800"}"#, "text"),
        ("{\"text\": \"a\nb\"}", "text"),
    ] {
        let problem = refused(&app, &ada, body).await;
        assert!(
            text(&problem["detail"]).contains(place),
            "{body}: {problem}"
        );
        assert!(!text(&problem["detail"]).contains("struct"), "{problem}");
    }
    let deep = format!("{{\"text\": {}", "[".repeat(50_000));
    refused(&app, &ada, deep).await;
}

#[tokio::test]
async fn bad_utf8_gets_400() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for bytes in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f\x98"] {
        let body = [b"{\"text\": \"", bytes, b"\"}"].concat();
        let problem = refused(&app, &ada, body).await;
        assert!(text(&problem["detail"]).contains("byte 10"), "{problem}");
    }
    // In the path it is as bad.
    for path in ["/v1/users/%ff", "/v1/posts/%ff", "/v1/tags/%c3%28/posts"] {
        problem(app.get(path).send().await.unwrap(), 400).await;
    }
}

#[tokio::test]
async fn values_out_of_range_get_422_with_the_fields() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let many: Vec<String> = (0..101).map(|n| format!("u{n}")).collect();
    for (body, expected) in [
        (json!({}), vec!["text"]),
        (json!({"text": null}), vec!["text"]),
        (json!({"text": ""}), vec!["text"]),
        (json!({"text": " \n\t\u{3000}"}), vec!["text"]),
        (json!({"text": "é".repeat(5_001)}), vec!["text"]),
        (
            json!({"text": "a", "recipients": ["nobody"]}),
            vec!["recipients[0]"],
        ),
        (
            json!({"text": "a", "recipients": ["ada", "no handle"]}),
            vec!["recipients[1]"],
        ),
        (json!({"text": "a", "recipients": many}), vec!["recipients"]),
        (
            json!({"text": "a", "visibility": "direct"}),
            vec!["recipients"],
        ),
        (
            json!({"text": "a", "link": "ftp://example.org/"}),
            vec!["link"],
        ),
        (
            json!({"text": "a", "link": "javascript:alert(1)"}),
            vec!["link"],
        ),
        (json!({"text": "a", "link": "example.org"}), vec!["link"]),
        (json!({"text": "a", "link": "https://"}), vec!["link"]),
        (
            json!({"text": "a", "link": "https://example.org/a b"}),
            vec!["link"],
        ),
        (
            json!({"text": "a", "link": format!("https://e.org/{}", "x".repeat(2_048))}),
            vec!["link"],
        ),
        (json!({"text": "a", "language": "e"}), vec!["language"]),
        (json!({"text": "a", "language": "en_GB"}), vec!["language"]),
        (json!({"text": "a", "language": ""}), vec!["language"]),
        (json!({"text": "a", "reply_to": "x"}), vec!["reply_to"]),
        (json!({"text": "a", "reply_to": "12345"}), vec!["reply_to"]),
        (json!({"repost_of": "12345"}), vec!["repost_of"]),
        (
            json!({"text": "", "link": "x", "language": "-"}),
            vec!["text", "link", "language"],
        ),
    ] {
        let request = app.post("/v1/posts").bearer_auth(&ada.token).json(&body);
        let problem = problem(request.send().await.unwrap(), 422).await;
        assert_eq!(fields(&problem), expected, "{body}");
    }
}

#[tokio::test]
async fn bad_handles_and_profiles_get_422() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for handle in ["", "a b", "é", "@ada", "a-b", "a.b", &"a".repeat(31)] {
        let request = app.post("/v1/users").json(&json!({"handle": handle}));
        let problem = problem(request.send().await.unwrap(), 422).await;
        assert_eq!(fields(&problem), ["handle"], "{handle}");
    }
    for (body, expected) in [
        (json!({"display_name": " "}), "display_name"),
        (json!({"display_name": "x".repeat(101)}), "display_name"),
        (json!({"bio": "x".repeat(501)}), "bio"),
    ] {
        let request = app.patch("/v1/me").bearer_auth(&ada.token).json(&body);
        let problem = problem(request.send().await.unwrap(), 422).await;
        assert_eq!(fields(&problem), [expected]);
    }
}

#[tokio::test]
async fn pages_that_cannot_be_get_422() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for path in [
        "/v1/timelines/home",
        "/v1/timelines/public",
        "/v1/tags/x/posts",
        "/v1/keywords/rust/posts",
        "/v1/users/ada/posts",
        "/v1/users/ada/followers",
        "/v1/users/ada/following",
    ] {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
            ("limit=ten", "limit"),
            ("limit=99999999999999999999", "limit"),
            ("before=x", "before"),
            ("before=-1", "before"),
            ("after=", "after"),
            ("after=99999999999999999999", "after"),
        ] {
            let request = app.get(&format!("{path}?{query}")).bearer_auth(&ada.token);
            let problem = problem(request.send().await.unwrap(), 422).await;
            assert_eq!(fields(&problem), [field], "{path}?{query}");
        }
        app.json(&ada.token, &format!("{path}?limit=100&colour=red"))
            .await;
    }
}

#[tokio::test]
async fn what_does_not_exist_gets_404() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for path in [
        "/v1/posts/1",
        "/v1/posts/x",
        "/v1/posts/-1",
        "/v1/posts/99999999999999999999",
        "/v1/posts/1/delivery",
        "/v1/users/nobody",
        "/v1/users/no%20handle",
        "/v1/users/nobody/posts",
        "/v1/users/nobody/followers",
        "/v1/",
        "/v1/nothing",
        "/v1/posts/",
        "/nothing",
    ] {
        let answer = app.get(path).bearer_auth(&ada.token).send().await.unwrap();
        problem(answer, 404).await;
    }
    for kind in ["follow", "mute", "block"] {
        let path = format!("/v1/users/nobody/{kind}");
        problem(
            app.put(&path).bearer_auth(&ada.token).send().await.unwrap(),
            404,
        )
        .await;
        problem(
            app.delete(&path)
                .bearer_auth(&ada.token)
                .send()
                .await
                .unwrap(),
            404,
        )
        .await;
    }
}

#[tokio::test]
async fn a_wrong_method_gets_405_with_allow() {
    let app = App::start().await;
    for (method, path, allow) in [
        ("GET", "/v1/posts", "POST"),
        ("PUT", "/v1/posts/1", "GET,HEAD,PATCH,DELETE"),
        ("POST", "/v1/me", "GET,HEAD,PATCH"),
        ("GET", "/v1/users/ada/follow", "PUT,DELETE"),
        ("OPTIONS", "/v1/timelines/home", "GET,HEAD"),
        ("BREW", "/v1/timelines/home", "GET,HEAD"),
    ] {
        let answer = app
            .request(method.parse().unwrap(), path)
            .send()
            .await
            .unwrap();
        let mut allowed: Vec<_> = answer.headers()["allow"]
            .to_str()
            .unwrap()
            .split(',')
            .collect();
        allowed.sort_unstable();
        let mut expected: Vec<_> = allow.split(',').collect();
        expected.sort_unstable();
        assert_eq!(allowed, expected, "{method} {path}");
        problem(answer, 405).await;
    }
}

#[tokio::test]
async fn a_wrong_content_type_gets_415() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for content_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
    ] {
        let mut request = app
            .post("/v1/posts")
            .bearer_auth(&ada.token)
            .body(r#"{"text": "a"}"#);
        if !content_type.is_empty() {
            request = request.header("Content-Type", content_type);
        }
        problem(request.send().await.unwrap(), 415).await;
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let request = app.post("/v1/posts").bearer_auth(&ada.token);
        let request = request
            .header("Content-Type", content_type)
            .body(r#"{"text": "a"}"#);
        assert_eq!(request.send().await.unwrap().status(), 201);
    }
}

#[tokio::test]
async fn a_body_over_64_kib_gets_413() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let with_length = |length: usize| {
        let frame = r#"{"text": "a"}"#;
        let body = format!("{frame}{}", " ".repeat(length - frame.len()));
        app.post("/v1/posts")
            .bearer_auth(&ada.token)
            .header("Content-Type", "application/json")
            .body(body)
    };
    assert_eq!(with_length(64 * 1024).send().await.unwrap().status(), 201);
    problem(with_length(64 * 1024 + 1).send().await.unwrap(), 413).await;
    problem(with_length(900 * 1024).send().await.unwrap(), 413).await;

    let head = |path, token, rest| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{rest}\r\n\r\n"
        )
    };
    // Who asks whether to send it is told at once.
    let ask = "Expect: 100-continue\r\nContent-Length: 99999999";
    for (path, token) in [
        ("/v1/posts", ada.token.as_str()),
        ("/v1/admin/import/posts", ADMIN_TOKEN),
    ] {
        let mut raw = Raw::open(app.address).await;
        raw.send(head(path, token, ask)).await;
        let answer = raw.until_closed().await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
    }

    // Who does not ask can send a good deal too much, and still reads why it was refused.
    let mut raw = Raw::open(app.address).await;
    let length = 8 * 1024 * 1024;
    let announced = format!("Content-Length: {length}");
    raw.send(head("/v1/posts", &ada.token, &announced)).await;
    raw.send(" ".repeat(length)).await;
    let answer = raw.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    // Without a length nothing tells beforehand.
    let mut raw = Raw::open(app.address).await;
    let rest = "Transfer-Encoding: chunked\r\nConnection: close";
    raw.send(head("/v1/posts", &ada.token, rest)).await;
    for _ in 0..20 {
        raw.send(format!("1000\r\n{}\r\n", " ".repeat(4096))).await;
    }
    raw.send("0\r\n\r\n").await;
    let answer = raw.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_header_over_16_kib_gets_431() {
    let app = App::start().await;
    let with_header = |length| {
        app.get("/healthz")
            .header("X-Filler", "x".repeat(length))
            .send()
    };
    assert_eq!(with_header(15 * 1024).await.unwrap().status(), 200);
    problem(with_header(17 * 1024).await.unwrap(), 431).await;
    let long_query = format!("/healthz?{}", "x".repeat(17 * 1024));
    problem(app.get(&long_query).send().await.unwrap(), 431).await;

    // However long it is, it is not kept.
    let mut raw = Raw::open(app.address).await;
    raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Filler: ")
        .await;
    let filler = "x".repeat(64 * 1024);
    for _ in 0..8 {
        if !raw.try_send(filler.as_bytes()).await {
            break;
        }
    }
    let answer = raw.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");

    let mut raw = Raw::open(app.address).await;
    let fields: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    raw.send(format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{fields}\r\n"))
        .await;
    let answer = raw.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn control_characters_are_accepted_as_given() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let strange = "a\u{0}b\u{b}\u{1f}\u{7f}\u{85}\u{fffe}\u{200e}🦀";
    let post = app.publish(&ada, json!({"text": strange})).await;
    assert_eq!(post["text"], strange);
    let read = app
        .json(&ada.token, &format!("/v1/posts/{}", text(&post["id"])))
        .await;
    assert_eq!(read["text"], strange);
}
