//! The stand-in's statuses and words over a real socket; the same table against a real Perses is `tests/parity`.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use persai_playground::net::{Server, loopback, serve};
use persai_playground::perses::world::World;
use persai_playground::perses::{self, Settings, Version, trouble};
use persai_playground::record::Recorded;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

struct Bench {
    perses: Server,
    _trouble: Server,
    client: Client,
}

impl Bench {
    async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let trouble = serve(trouble::router(), loopback(0)).await.unwrap();
        let world = World::load(None, &format!("{}/echo", trouble.url()), &trouble.url()).unwrap();
        let mut settings = Settings::new(loopback(0), world);
        change(&mut settings);
        let perses = perses::start(settings).await.unwrap();
        Self {
            perses,
            _trouble: trouble,
            client: Client::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.perses.url())
    }

    async fn token(&self, user: &str) -> String {
        let answer = self
            .client
            .post(self.url("/api/auth/providers/native/login"))
            .json(&json!({"login": user, "password": format!("{user}-password")}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json::<Value>().await.unwrap()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = self.client.get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send().await.unwrap()).await
    }
}

async fn read(answer: Response) -> (u16, String) {
    (answer.status().as_u16(), answer.text().await.unwrap())
}

const WHOAMI: &str = "/api/v1/user/whoami";
const PROXY: &str = "/proxy/globaldatasources/prometheus/api/v1/query";

#[tokio::test]
async fn every_form_of_token_is_treated_as_perses_treats_it() {
    let bench = Bench::start(|_| {}).await;
    let token = bench.token("alice").await;
    let (payload, signature) = token.rsplit_once('.').unwrap();
    let bearer = format!("Bearer {token}");
    let cookies = format!("jwtPayload={payload}; jwtSignature={signature}");
    let payload_only = format!("jwtPayload={payload}");
    let missing = "missing or malformed jwt";
    let invalid = "invalid or expired jwt";
    type Row<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);
    let rows: [Row<'_>; 8] = [
        (&[("authorization", &bearer)], 200, "alice"),
        (&[], 401, missing),
        (&[("authorization", "Basic eDp5")], 401, missing),
        (&[("authorization", &token)], 401, missing),
        (&[("cookie", &payload_only)], 401, missing),
        (&[("authorization", "Bearer garbage")], 401, invalid),
        (
            &[
                ("authorization", &bearer),
                ("cookie", "jwtPayload=x.y; jwtSignature=z"),
            ],
            401,
            invalid,
        ),
        (
            &[("authorization", "Bearer garbage"), ("cookie", &cookies)],
            200,
            "alice",
        ),
    ];
    for (headers, status, text) in rows {
        let got = bench.get(WHOAMI, headers).await;
        assert_eq!(got.0, status, "{headers:?}: {got:?}");
        assert!(got.1.contains(text), "{headers:?}: {got:?}");
        let got = bench.get(PROXY, headers).await;
        assert_eq!(got.0, status, "proxy, {headers:?}: {got:?}");
    }
}

#[tokio::test]
async fn a_token_of_a_deleted_user_is_no_identity_but_passes_the_proxy() {
    let bench = Bench::start(|_| {}).await;
    let bearer = format!("Bearer {}", bench.token("ghost").await);
    let (status, body) = bench.get(WHOAMI, &[("authorization", &bearer)]).await;
    assert_eq!(status, 401);
    assert!(
        body.contains("failed to retrieve user information from context"),
        "{body}"
    );
    assert_eq!(bench.get(PROXY, &[("authorization", &bearer)]).await.0, 200);
}

#[tokio::test]
async fn an_access_token_expires_and_is_refreshed_by_the_cookie() {
    let bench = Bench::start(|settings| settings.access_ttl = Duration::from_secs(2)).await;
    let login = bench
        .client
        .post(bench.url("/api/auth/providers/native/login"))
        .json(&json!({"login": "alice", "password": "alice-password"}))
        .send()
        .await
        .unwrap();
    let body: Value = login.json().await.unwrap();
    let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
    assert_eq!(
        bench.get(WHOAMI, &[("authorization", &bearer)]).await.0,
        200
    );
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let (status, text) = bench.get(WHOAMI, &[("authorization", &bearer)]).await;
    assert_eq!(
        (status, text.contains("invalid or expired jwt")),
        (401, true),
        "{text}"
    );
    let refreshed = bench
        .client
        .post(bench.url("/api/auth/refresh"))
        .header(
            "cookie",
            format!(
                "jwtRefreshToken={}",
                body["refresh_token"].as_str().unwrap()
            ),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(refreshed.status(), StatusCode::OK);
    let fresh: Value = refreshed.json().await.unwrap();
    let bearer = format!("Bearer {}", fresh["access_token"].as_str().unwrap());
    assert_eq!(
        bench.get(WHOAMI, &[("authorization", &bearer)]).await.0,
        200
    );
    let refused = bench
        .client
        .post(bench.url("/api/auth/refresh"))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_older_version_and_the_open_one_differ_as_perses_does() {
    let old = Bench::start(|settings| settings.version = Version::V052).await;
    assert_eq!(old.get(WHOAMI, &[]).await.0, 404);
    assert_eq!(old.get(PROXY, &[]).await.0, 400);
    assert_eq!(
        old.get(PROXY, &[("authorization", "Bearer x")]).await.0,
        401
    );

    let open = Bench::start(|settings| settings.authentication = false).await;
    assert_eq!(open.get(WHOAMI, &[]).await.0, 401);
    assert_eq!(open.get(PROXY, &[]).await.0, 200);
    let (_, config) = open.get("/api/config", &[]).await;
    assert!(config.contains("\"enable_auth\":false"), "{config}");
}

#[tokio::test]
async fn permissions_and_allowed_endpoints_hold_at_the_proxy() {
    let bench = Bench::start(|_| {}).await;
    let alice = format!("Bearer {}", bench.token("alice").await);
    let bob = format!("Bearer {}", bench.token("bob").await);
    let team = "/proxy/projects/team-a/datasources/alice-only/api/v1/query";
    assert_eq!(bench.get(team, &[("authorization", &alice)]).await.0, 200);
    let (status, body) = bench.get(team, &[("authorization", &bob)]).await;
    assert_eq!(status, 403, "{body}");
    let list = "/api/v1/projects/team-a/datasources";
    assert_eq!(bench.get(list, &[("authorization", &bob)]).await.0, 403);

    let ask = |method: Method, rest: &str| {
        bench
            .client
            .request(
                method,
                bench.url(&format!("/proxy/globaldatasources/get-only/{rest}")),
            )
            .header("authorization", &alice)
            .send()
    };
    assert_eq!(
        ask(Method::GET, "api/v1/query_range")
            .await
            .unwrap()
            .status(),
        200,
        "unanchored"
    );
    assert_eq!(
        ask(Method::GET, "api/v1/labels").await.unwrap().status(),
        403
    );
    let (status, body) = read(ask(Method::POST, "api/v1/query").await.unwrap()).await;
    assert_eq!(status, 403);
    assert!(
        body.contains(r#"endpoint \"/api/v1/query\" with the HTTP method POST"#),
        "{body}"
    );
}

#[tokio::test]
async fn the_proxy_hands_on_token_cookies_path_and_query_and_records_them() {
    let bench = Bench::start(|_| {}).await;
    let token = bench.token("alice").await;
    let (payload, signature) = token.rsplit_once('.').unwrap();
    let answer = bench
        .client
        .post(bench.url("/proxy/globaldatasources/echo/a%2Fb/c?x=1"))
        .header(
            "cookie",
            format!("jwtPayload={payload}; jwtSignature={signature}"),
        )
        .header("user-agent", "panel/1")
        .form(&[("query", "rate(x[5m])"), ("step", "15")])
        .send()
        .await
        .unwrap();
    assert!(
        answer
            .headers()
            .get("set-cookie")
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("upstream=")
    );
    let seen: Value = answer.json().await.unwrap();
    assert_eq!(
        seen["path"], "/echo/a%252Fb/c",
        "escaped twice, as at Perses"
    );
    assert_eq!(seen["query"], "x=1");
    assert_eq!(seen["headers"]["authorization"], format!("Bearer {token}"));
    assert!(
        seen["headers"]["cookie"]
            .as_str()
            .unwrap()
            .contains("jwtSignature=")
    );
    assert_eq!(seen["headers"]["x-configured"], "yes");
    assert_eq!(seen["body"], "query=rate%28x%5B5m%5D%29&step=15");

    let (_, text) = bench.get("/__recorded?path=/proxy/", &[]).await;
    let recorded: Vec<Recorded> = serde_json::from_str(&text).unwrap();
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].user_agent, "panel/1");
    assert_eq!(recorded[0].status, Some(200));
    let want = [("x", "1"), ("query", "rate(x[5m])"), ("step", "15")];
    assert_eq!(
        recorded[0].params,
        want.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn what_is_not_in_the_table_names_itself() {
    let bench = Bench::start(|_| {}).await;
    for (method, path) in [
        (Method::GET, "/api/v1/projects"),
        (Method::PUT, "/api/v1/globaldatasources/prometheus"),
        (Method::GET, "/persai/v1/capabilities"),
        (Method::POST, "/explore"),
        (Method::DELETE, "/api/v1/user/whoami"),
    ] {
        let answer = bench
            .client
            .request(method.clone(), bench.url(path))
            .send()
            .await
            .unwrap();
        let (status, body) = read(answer).await;
        assert_eq!(status, 501, "{method} {path}: {body}");
        assert!(body.contains(&format!("{method} {path}")), "{body}");
    }
}

#[tokio::test]
async fn a_broken_upstream_is_an_answer_with_a_message() {
    let bench = Bench::start(|_| {}).await;
    let alice = format!("Bearer {}", bench.token("alice").await);
    let (status, body) = bench
        .get(
            "/proxy/globaldatasources/broken/api/v1/query",
            &[("authorization", &alice)],
        )
        .await;
    assert_eq!(status, 500);
    assert!(
        serde_json::from_str::<Value>(&body).unwrap()["message"].is_string(),
        "{body}"
    );
    let (status, _) = bench
        .get(
            "/proxy/globaldatasources/unauthorized/api/v1/query",
            &[("authorization", &alice)],
        )
        .await;
    assert_eq!(status, 401, "the upstream's own");
}
