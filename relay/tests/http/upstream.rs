//! The agent's datasources over the datasource proxy: each way to fail has its own error.

use std::time::{Duration, Instant};

use persai_agent::ports::{
    CallLimits, DataError, Datasources as _, PromAnswer, PromCall, PromEndpoint,
};
use persai_protocol::evidence::DatasourceSelector;
use persai_relay::identity::Credentials;
use persai_relay::perses::{PersesClient, PersesDatasources};
use secrecy::SecretString;

use crate::support::Perses;
use crate::support::token::{HOUR, token};

const LIMITS: CallLimits = CallLimits {
    max_bytes: 100_000,
    timeout_ms: 2_000,
};

fn as_user(perses: &Perses, token: String) -> PersesDatasources {
    let client = PersesClient::new(&perses.url.parse().unwrap()).unwrap();
    PersesDatasources::new(client, Credentials::bearer(SecretString::from(token), None))
}

fn named(name: &str) -> DatasourceSelector {
    DatasourceSelector {
        kind: "PrometheusDatasource".to_owned(),
        name: name.to_owned(),
        project: None,
    }
}

fn range() -> PromCall {
    PromCall::QueryRange {
        query: "up + 1".to_owned(),
        start_secs: 1_700_000_000.5,
        end_secs: 1_700_000_060.0,
        step_secs: 15.0,
    }
}

async fn query(datasources: &PersesDatasources, name: &str) -> Result<PromAnswer, DataError> {
    let call = PromCall::Query {
        query: "up".to_owned(),
        time_secs: 1.5,
    };
    datasources.prometheus(&named(name), call, LIMITS).await
}

#[tokio::test]
async fn calls_are_forms_where_allowed_and_their_times_are_exact() {
    let perses = Perses::start().await;
    let datasources = as_user(&perses, token("alice", HOUR));
    assert!(query(&datasources, "prom").await.is_ok());
    assert!(
        datasources
            .prometheus(&named("prom"), range(), LIMITS)
            .await
            .is_ok()
    );
    assert!(query(&datasources, "limited").await.is_ok());
    let labels = PromCall::LabelValues {
        label: "job".to_owned(),
        matches: vec!["up".to_owned()],
        start_secs: 1.0,
        end_secs: 2.0,
        limit: Some(5),
    };
    assert!(
        datasources
            .prometheus(&named("prom"), labels, LIMITS)
            .await
            .is_ok()
    );

    let project = DatasourceSelector {
        project: Some("demo".to_owned()),
        ..named("prom")
    };
    assert!(
        datasources
            .prometheus(
                &project,
                PromCall::Metadata {
                    metric: None,
                    limit: Some(3)
                },
                LIMITS
            )
            .await
            .is_ok()
    );

    let seen: Vec<(String, String, String)> = perses
        .seen()
        .into_iter()
        .filter(|seen| seen.target.starts_with("/proxy"))
        .map(|seen| {
            (
                seen.method.to_string(),
                seen.target,
                String::from_utf8_lossy(&seen.body).into_owned(),
            )
        })
        .collect();
    let expected = [
        ("POST", "/proxy/globaldatasources/prom/api/v1/query", "query=up&time=1.5"),
        (
            "POST",
            "/proxy/globaldatasources/prom/api/v1/query_range",
            "query=up+%2B+1&start=1700000000.5&end=1700000060&step=15",
        ),
        ("GET", "/proxy/globaldatasources/limited/api/v1/query?query=up&time=1.5", ""),
        ("GET", "/proxy/globaldatasources/prom/api/v1/label/job/values?match%5B%5D=up&start=1&end=2&limit=5", ""),
        ("GET", "/proxy/projects/demo/datasources/prom/api/v1/metadata?limit=3", ""),
    ]
    .map(|(method, target, body)| (method.to_owned(), target.to_owned(), body.to_owned()));
    assert_eq!(seen, expected);
    let described = perses.count("/api/v1/globaldatasources/prom");
    assert_eq!(described, 1, "a run reads a datasource once");
}

#[tokio::test]
async fn each_failure_has_its_own_error() {
    let perses = Perses::start().await;
    let alice = as_user(&perses, token("alice", HOUR));
    let missing = Some("'read' global permission for 'GlobalDatasource' kind".to_owned());
    let malformed = |hint: &str| DataError::Malformed {
        hint: hint.to_owned(),
    };
    for (name, expected) in [
        ("unknown", DataError::Unknown),
        ("secret", DataError::Forbidden { missing }),
        ("direct", DataError::NotProxied),
        ("html", malformed("HTML")),
        ("refusing", DataError::Refused),
        ("down", DataError::Unreachable),
        ("redirecting", malformed("a redirect")),
        ("cut", malformed("it was cut short")),
        (
            "big",
            DataError::TooLarge {
                limit_bytes: 100_000,
            },
        ),
        ("slow", DataError::Timeout { after_ms: 2_000 }),
        ("a/b", DataError::Unknown),
        ("..", DataError::Unknown),
        ("a%2fb", DataError::Unknown),
        (
            "bad",
            DataError::Upstream {
                status: 400,
                error_type: "bad_data".to_owned(),
                message: "1:4: parse error".to_owned(),
            },
        ),
    ] {
        let started = Instant::now();
        assert_eq!(query(&alice, name).await.err(), Some(expected), "{name}");
        assert!(started.elapsed() < Duration::from_secs(15), "{name}");
    }
    let labels = PromCall::Labels {
        matches: Vec::new(),
        start_secs: 0.0,
        end_secs: 1.0,
    };
    let refused = alice.prometheus(&named("limited"), labels, LIMITS).await;
    assert_eq!(
        refused.err(),
        Some(DataError::EndpointNotAllowed {
            endpoint: PromEndpoint::Labels
        })
    );

    let project = DatasourceSelector {
        project: Some("nope".to_owned()),
        ..named("prom")
    };
    assert_eq!(
        alice.describe(&project).await.err(),
        Some(DataError::Unknown)
    );
    let late = as_user(&perses, token("alice", -1));
    assert_eq!(
        query(&late, "prom").await.err(),
        Some(DataError::CredentialsExpired)
    );
    assert_eq!(
        late.default_prometheus().await.err(),
        Some(DataError::CredentialsExpired)
    );
}

#[tokio::test]
async fn the_default_prometheus_datasource_is_the_one_that_says_so() {
    let perses = Perses::start().await;
    let alice = as_user(&perses, token("alice", HOUR));
    // The double lists another one first, as a Perses that ignored the filter would.
    assert_eq!(alice.default_prometheus().await, Ok(named("prom")));
    let target = "/api/v1/globaldatasources?kind=PrometheusDatasource&default=true";
    assert_eq!(perses.count(target), 1);
    assert_eq!(
        alice
            .describe(&named("prom"))
            .await
            .unwrap()
            .scrape_interval_secs,
        15
    );
}
