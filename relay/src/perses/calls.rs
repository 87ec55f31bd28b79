//! Every request that the relay can make to Perses: a closed table of method and path.
//!
//! There is no PUT, PATCH or DELETE to pick, and POST is only Prometheus' own form of a read.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use persai_agent::ports::PromEndpoint;
use persai_protocol::evidence::is_valid_resource_name;

/// The two methods that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Post,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Whether authentication is on.
    Config,
    /// Whose token this is (Perses 0.53 and later).
    Whoami,
    /// The same at 0.52, where only the owner of a token may read their permissions.
    UserPermissions,
    GlobalDatasource,
    ProjectDatasource,
    /// Filtered to the default Prometheus datasource by its query.
    GlobalDatasources,
    /// Through the datasource proxy.
    GlobalPrometheus(Method, PromEndpoint),
    ProjectPrometheus(Method, PromEndpoint),
}

/// A value for a `{placeholder}` of a path.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub name: &'static str,
    pub value: &'a str,
}

/// A segment that cannot be a name at Perses or a label at Prometheus, or a row that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not possible in a path")]
pub struct BadPath(&'static str);

/// RFC 3986's unreserved characters stay.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl Call {
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::GlobalPrometheus(method, _) | Self::ProjectPrometheus(method, _) => method,
            _ => Method::Get,
        }
    }

    /// Path below the configured URL. `None` for a row that does not exist, such as POST for label values.
    #[must_use]
    pub fn template(self) -> Option<String> {
        Some(match self {
            Self::Config => "/api/config".to_owned(),
            Self::Whoami => "/api/v1/user/whoami".to_owned(),
            Self::UserPermissions => "/api/v1/users/{user}/permissions".to_owned(),
            Self::GlobalDatasource => "/api/v1/globaldatasources/{name}".to_owned(),
            Self::ProjectDatasource => "/api/v1/projects/{project}/datasources/{name}".to_owned(),
            Self::GlobalDatasources => "/api/v1/globaldatasources".to_owned(),
            Self::GlobalPrometheus(method, endpoint) => {
                format!(
                    "/proxy/globaldatasources/{{name}}{}",
                    endpoint_path(method, endpoint)?
                )
            }
            Self::ProjectPrometheus(method, endpoint) => {
                format!(
                    "/proxy/projects/{{project}}/datasources/{{name}}{}",
                    endpoint_path(method, endpoint)?
                )
            }
        })
    }

    /// The path with its segments, each checked and percent-encoded.
    ///
    /// # Errors
    /// A segment breaks its rule, is missing, or the row does not exist.
    pub fn path(self, segments: &[Segment<'_>]) -> Result<String, BadPath> {
        let mut path = self.template().ok_or(BadPath("this call"))?;
        for segment in segments {
            if !is_valid_segment(*segment) {
                return Err(BadPath(segment.name));
            }
            let encoded = utf8_percent_encode(segment.value, SEGMENT).to_string();
            path = path.replace(&format!("{{{}}}", segment.name), &encoded);
        }
        if path.contains('{') {
            Err(BadPath("a missing segment"))
        } else {
            Ok(path)
        }
    }

    /// Every row, for the test that walks them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut rows = vec![
            Self::Config,
            Self::Whoami,
            Self::UserPermissions,
            Self::GlobalDatasource,
            Self::ProjectDatasource,
            Self::GlobalDatasources,
        ];
        for method in [Method::Get, Method::Post] {
            for endpoint in PROM_ENDPOINTS {
                rows.push(Self::GlobalPrometheus(method, endpoint));
                rows.push(Self::ProjectPrometheus(method, endpoint));
            }
        }
        rows.retain(|row| row.template().is_some());
        rows
    }
}

pub const PROM_ENDPOINTS: [PromEndpoint; 8] = [
    PromEndpoint::Query,
    PromEndpoint::QueryRange,
    PromEndpoint::Labels,
    PromEndpoint::LabelValues,
    PromEndpoint::Series,
    PromEndpoint::Metadata,
    PromEndpoint::Rules,
    PromEndpoint::Alerts,
];

/// Prometheus' path for an endpoint, with `{label}` where one belongs. `None` where Prometheus does not take `method`.
#[must_use]
pub fn endpoint_path(method: Method, endpoint: PromEndpoint) -> Option<&'static str> {
    let (path, has_post) = match endpoint {
        PromEndpoint::Query => ("/api/v1/query", true),
        PromEndpoint::QueryRange => ("/api/v1/query_range", true),
        PromEndpoint::Labels => ("/api/v1/labels", true),
        PromEndpoint::Series => ("/api/v1/series", true),
        PromEndpoint::LabelValues => ("/api/v1/label/{label}/values", false),
        PromEndpoint::Metadata => ("/api/v1/metadata", false),
        PromEndpoint::Rules => ("/api/v1/rules", false),
        PromEndpoint::Alerts => ("/api/v1/alerts", false),
    };
    (method == Method::Get || has_post).then_some(path)
}

fn is_valid_segment(segment: Segment<'_>) -> bool {
    match segment.name {
        "label" => {
            segment.value.len() <= 200
                && segment
                    .value
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && segment
                    .value
                    .bytes()
                    .next()
                    .is_some_and(|b| !b.is_ascii_digit())
        }
        _ => is_valid_resource_name(segment.value),
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, Method, Segment};

    /// `Method` has no other values, so what could still write is a POST to another place.
    #[test]
    fn no_outgoing_call_can_write() {
        let rows = Call::all();
        assert_eq!(rows.len(), 6 + 16 + 8, "a new row must be looked at here");
        for row in rows {
            let template = row.template().unwrap_or_default();
            if row.method() == Method::Post {
                let reads = [
                    "/api/v1/query",
                    "/api/v1/query_range",
                    "/api/v1/labels",
                    "/api/v1/series",
                ];
                assert!(template.starts_with("/proxy/"), "{template}");
                assert!(
                    reads
                        .iter()
                        .any(|read| template.ends_with(&format!("}}{read}"))),
                    "{template}"
                );
            }
            assert!(
                !template.contains("unsaved") && !template.contains("secret"),
                "{template}"
            );
        }
    }

    #[test]
    fn segments_follow_perses_rule_and_cannot_leave_their_place() {
        let path = |name| {
            Call::GlobalDatasource.path(&[Segment {
                name: "name",
                value: name,
            }])
        };
        assert_eq!(
            path("prom-eu_1.a").as_deref(),
            Ok("/api/v1/globaldatasources/prom-eu_1.a")
        );
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "../users",
            "a@b",
            "a%2fb",
            "a b",
            "a?b",
            "a#b",
            "{name}",
            "prömetheus",
            "a\\b",
        ] {
            assert!(path(bad).is_err(), "{bad}");
        }
        assert!(Call::GlobalDatasource.path(&[]).is_err());
    }

    #[test]
    fn labels_are_plain_prometheus_labels() {
        let path = |label| {
            Call::GlobalPrometheus(Method::Get, super::PromEndpoint::LabelValues).path(&[
                Segment {
                    name: "name",
                    value: "prom",
                },
                Segment {
                    name: "label",
                    value: label,
                },
            ])
        };
        assert_eq!(
            path("__name__").as_deref(),
            Ok("/proxy/globaldatasources/prom/api/v1/label/__name__/values")
        );
        for bad in ["", "1a", "a-b", "a/b", "..", "{name}"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
