//! The router, its OpenAPI description and `docs/API.md` name the same routes.

use std::collections::BTreeSet;

use crate::support::{Relay, send};

#[tokio::test]
async fn router_openapi_and_docs_name_the_same_routes() {
    let relay = Relay::start().await;
    let described = send(relay.get("/persai/v1/openapi.json")).await.json();
    let routes: BTreeSet<(String, String)> = described["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();

    let routed: BTreeSet<(String, String)> = include_str!("../../src/http/router.rs")
        .split(".route(")
        .skip(1)
        .map(|route| {
            let mut words = route.split('"');
            let path = words.nth(1).unwrap().to_owned();
            let handler = words.next().unwrap().trim_start_matches([',', ' ', '\n']);
            (handler.split('(').next().unwrap().to_uppercase(), path)
        })
        .collect();
    assert_eq!(routes, routed);

    let docs = include_str!("../../../docs/API.md");
    for (method, path) in &routes {
        assert!(
            docs.contains(&format!("`{method} {path}`")),
            "docs/API.md lacks {method} {path}"
        );
    }
    let codes = described["components"]["schemas"]["ErrorCode"]["enum"]
        .as_array()
        .unwrap();
    for code in codes
        .iter()
        .filter_map(|code| code.as_str())
        .filter(|code| *code != "unknown")
    {
        assert!(
            docs.contains(&format!("`{code}`")),
            "docs/API.md lacks the code {code}"
        );
    }
}
