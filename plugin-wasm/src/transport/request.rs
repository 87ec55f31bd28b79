//! Every request that the plugin makes: where it goes and what it carries. Same origin only.

use persai_protocol::input::RunAgentInput;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// A request, ready to be sent with the browser's cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// A path of this origin.
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
}

/// Where Perses and the relay are, and who we are where Perses knows nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoints {
    /// Perses' `api_prefix`, no trailing slash.
    pub api_prefix: String,
    /// The relay's base path, e.g. `/persai`, no trailing slash.
    pub relay: String,
    /// Random and kept by this browser; the relay keeps histories apart by it where Perses has no authentication.
    pub browser_key: String,
}

impl Endpoints {
    #[must_use]
    pub fn config(plugin_base: &str) -> Request {
        plain_get(format!("{plugin_base}config.json"))
    }

    #[must_use]
    pub fn capabilities(&self) -> Request {
        self.relay(Method::Get, "capabilities", None)
    }

    #[must_use]
    pub fn conversations(&self) -> Request {
        self.relay(Method::Get, "conversations", None)
    }

    /// The one stream of a conversation: history after `seq`, then live.
    #[must_use]
    pub fn events(&self, conversation: &str, seq: u64) -> Request {
        let mut request = self.relay(
            Method::Get,
            &format!("conversations/{conversation}/events?after={seq}"),
            None,
        );
        request.headers.retain(|(name, _)| *name != "Accept");
        request
            .headers
            .push(("Accept", "text/event-stream".to_owned()));
        request
    }

    /// Asks; answered by 202, the events come by [`Self::events`]. Repeating it with the same run id is safe.
    #[must_use]
    pub fn agent(&self, input: &RunAgentInput) -> Request {
        // Plain structs with text keys: serialising them cannot fail; an empty body would be refused in words.
        self.relay(
            Method::Post,
            "agent",
            Some(serde_json::to_string(input).unwrap_or_default()),
        )
    }

    #[must_use]
    pub fn cancel(&self, run: &str) -> Request {
        self.relay(
            Method::Post,
            &format!("runs/{run}/cancel"),
            Some("{}".to_owned()),
        )
    }

    /// Perses renews its cookies from the refresh cookie alone.
    #[must_use]
    pub fn refresh(&self) -> Request {
        Request {
            method: Method::Post,
            url: format!("{}/api/auth/refresh", self.api_prefix),
            headers: Vec::new(),
            body: None,
        }
    }

    #[must_use]
    pub fn datasources(&self) -> Request {
        plain_get(format!(
            "{}/api/v1/globaldatasources?kind=PrometheusDatasource",
            self.api_prefix
        ))
    }

    #[must_use]
    pub fn plugins(&self) -> Request {
        plain_get(format!("{}/api/v1/plugins", self.api_prefix))
    }

    fn relay(&self, method: Method, path: &str, body: Option<String>) -> Request {
        let mut headers = vec![
            ("Accept", "application/json".to_owned()),
            ("X-PersAI", "1".to_owned()),
            ("X-PersAI-Browser", self.browser_key.clone()),
        ];
        if body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        Request {
            method,
            url: format!("{}/v1/{path}", self.relay),
            headers,
            body,
        }
    }
}

fn plain_get(url: String) -> Request {
    Request {
        method: Method::Get,
        url,
        headers: vec![("Accept", "application/json".to_owned())],
        body: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relay_requests_carry_our_headers_and_stay_on_the_origin() {
        let to = Endpoints {
            api_prefix: "/perses".into(),
            relay: "/perses/persai".into(),
            browser_key: "k".into(),
        };
        let cancel = to.cancel("r1");
        assert_eq!(cancel.url, "/perses/persai/v1/runs/r1/cancel");
        for header in [
            ("X-PersAI", "1"),
            ("X-PersAI-Browser", "k"),
            ("Content-Type", "application/json"),
        ] {
            assert!(
                cancel.headers.contains(&(header.0, header.1.to_owned())),
                "{header:?}"
            );
        }
        let stream = to.events("c1", 7);
        assert_eq!(
            stream.url,
            "/perses/persai/v1/conversations/c1/events?after=7"
        );
        let accepts: Vec<_> = stream
            .headers
            .iter()
            .filter(|(name, _)| *name == "Accept")
            .collect();
        assert_eq!(accepts, [&("Accept", "text/event-stream".to_owned())]);
        assert_eq!(to.refresh().url, "/perses/api/auth/refresh");
        assert!(to.refresh().headers.is_empty(), "Perses gets none of ours");
    }
}
