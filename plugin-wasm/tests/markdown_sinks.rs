//! Nothing in an answer can load, run or disguise anything: over a corpus of hostile texts, whole and streamed.
#![allow(clippy::unwrap_used)]

mod markdown_support;

use markdown_support::{Random, characters, commonmark, gfm, pieces, policy, stream_equals_parse};
use plugin_wasm::markdown::{LinkPolicy, parse};
use plugin_wasm::view::{MdKind, MdNode};

/// Destinations that must not be followed, as they stand in `[…](…)`.
const REFUSED: [&str; 76] = [
    "//evil.example",
    "//evil.example/path",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/\\/evil.example",
    "/\\/evil.example",
    "&#47;&#47;evil.example",
    "&#x2f;&#x2f;evil.example",
    "&sol;&sol;evil.example",
    "&#92;&#92;evil.example",
    "/&bsol;evil.example",
    "/&Tab;/evil.example",
    "/&NewLine;/evil.example",
    "/&#9;/evil.example",
    "/&#10;/evil.example",
    "/&#13;/evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java&#115;cript:alert(1)",
    "java&Tab;script:alert(1)",
    "java&NewLine;script:alert(1)",
    "java&#x0A;script:alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A;&#x61;&#x76;&#x61;&#x73;&#x63;&#x72;&#x69;&#x70;&#x74;&#x3A;alert(1)",
    "javascript&colon;alert(1)",
    "javascript&#58;alert(1)",
    "&#1;javascript:alert(1)",
    "&#32;javascript:alert(1)",
    "javascript\\:alert(1)",
    "javascript%3Aalert(1)",
    "javascript://example.org/%0aalert(1)",
    "vbscript:msgbox(1)",
    "livescript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "DATA:text/html,x",
    "data&colon;text/html,x",
    "blob:https://perses.example/1",
    "file:///etc/passwd",
    "filesystem:https://perses.example/1",
    "ftp://evil.example",
    "ws://evil.example",
    "mailto:a@evil.example",
    "tel:123",
    "intent://evil.example#Intent;scheme=http;end",
    "view-source:https://evil.example",
    "about:blank",
    "chrome://settings",
    "ms-msdt:/id",
    "evil.example",
    "www.evil.example",
    "path/below",
    "./path",
    "../path",
    "?query",
    "#fragment",
    "http:evil.example",
    "https:evil.example",
    "http:/evil.example",
    "https:///evil.example",
    "https:\\\\evil.example",
    "https:/\\evil.example",
    "https://",
    "https://?q",
    "https://perses.example@evil.example/",
    "https://perses.example:x@evil.example/",
    "https://perses.example&commat;evil.example/",
    "https://perses.example\\@evil.example/",
    "https://perses.example%40evil.example/",
    "https://еvil.example/",
    "https://perses。example/",
    "https://ｅvil.example/",
    "https://perses.example:99999/",
    "https://evil.exam&#x200B;ple/",
];

/// Destinations that may be followed, with the host that has to be shown.
const ALLOWED: [(&str, Option<&str>); 22] = [
    ("/", None),
    ("/projects/a?b=c#d", None),
    ("/a//b", None),
    ("https://perses.example", None),
    ("https://perses.example/", None),
    ("HTTPS://PERSES.EXAMPLE/x", None),
    ("https://perses.example:443/x", None),
    ("https://perses.example:8443/x", Some("perses.example:8443")),
    ("http://perses.example/x", Some("perses.example")),
    (
        "https://perses.example.evil.example/",
        Some("perses.example.evil.example"),
    ),
    ("https://evil.example", Some("evil.example")),
    ("http://evil.example:80/", Some("evil.example")),
    (
        "https://evil.example:8080/perses.example",
        Some("evil.example:8080"),
    ),
    (
        "https://evil.example?https://perses.example/",
        Some("evil.example"),
    ),
    (
        "https://evil.example#@perses.example/",
        Some("evil.example"),
    ),
    ("https://evil.example/@perses.example", Some("evil.example")),
    ("https://EVIL.example/", Some("evil.example")),
    ("https://xn--vil-9ya.example/", Some("xn--vil-9ya.example")),
    ("https://[::1]:3000/", Some("[::1]:3000")),
    ("http://127.0.0.1/", Some("127.0.0.1")),
    ("http&colon;//evil.example/", Some("evil.example")),
    ("&#104;ttps://evil.example/", Some("evil.example")),
];

/// Text with markup of other languages in it: it has to stay text.
const RAW: [&str; 60] = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "text <script>alert(1)</script> text",
    "<img src=x onerror=alert(1)>",
    "<img src=\"https://evil.example/p.png\">",
    "text <img src=https://evil.example/p.png> text",
    "<img\nsrc=https://evil.example/p.png>",
    "<iframe src=https://evil.example></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\">",
    "<svg onload=alert(1)>",
    "<svg><image href=https://evil.example/p.png></svg>",
    "text <svg/onload=alert(1)>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<style>body{background:url(https://evil.example)}</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<link rel=preload href=https://evil.example/x>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content=\"0;url=https://evil.example\">",
    "<object data=https://evil.example/x></object>",
    "<embed src=https://evil.example/x>",
    "<video src=https://evil.example/x autoplay></video>",
    "<audio src=https://evil.example/x autoplay>",
    "<video poster=https://evil.example/x>",
    "<source srcset=https://evil.example/x>",
    "<picture><source srcset=https://evil.example/x></picture>",
    "<input type=image src=https://evil.example/x>",
    "<form action=https://evil.example><button>Send</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=\"https://evil.example\">perses.example</a>",
    "text <a href=//evil.example>x</a>",
    "<body onload=alert(1)>",
    "<body background=https://evil.example/x>",
    "<table background=https://evil.example/x>",
    "<div style=\"background:url(https://evil.example/x)\">",
    "<details open ontoggle=alert(1)>",
    "<math><mtext></mtext></math>",
    "<math href=javascript:alert(1)>x</math>",
    "<template><img src=x></template>",
    "<noscript><img src=x onerror=alert(1)></noscript>",
    "<textarea></textarea><script>alert(1)</script>",
    "<!-- <img src=x> --><script>alert(1)</script>",
    "<!--><script>alert(1)</script>",
    "<?php echo 1 ?><script>alert(1)</script>",
    "<!DOCTYPE html><script>alert(1)</script>",
    "<![CDATA[<img src=x>]]>",
    "<x:script xmlns:x=http://www.w3.org/1999/xhtml>alert(1)</x:script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    "    <script>alert(1)</script>",
    "> <img src=https://evil.example/p.png>",
    "- <img src=https://evil.example/p.png>",
    "| a |\n|---|\n| <img src=https://evil.example/p.png> |",
    "# <img src=https://evil.example/p.png>",
    "**<img src=https://evil.example/p.png>**",
    "~~<iframe src=https://evil.example>~~",
    "<script\n>alert(1)</script\n>",
    "<scr\u{0}ipt>alert(1)</script>",
];

/// The ways in which a destination gets into a link.
fn links(destination: &str) -> Vec<String> {
    let mut texts = vec![
        format!("[text]({destination})"),
        format!("[text](<{}> 'title')", destination.replace(['<', '>'], "")),
        format!("before **[*te*xt]({destination} \"title\")** after"),
        format!("[![alt](https://h.example/p.png)]({destination})"),
        format!("- item\n\n  > [text]({destination})"),
        format!("| a |\n|---|\n| [text]({destination}) |"),
        format!("# [text]({destination})\n"),
        format!("![[text]({destination})](https://h.example/p.png)"),
    ];
    if !destination.contains('<') {
        texts.push(format!("[text][label]\n\n[label]: {destination}\n"));
        texts.push(format!(
            "[label]: <{destination}> 'title'\n\n[Label] and [label][]\n"
        ));
        texts.push(format!("text <{destination}> text"));
        texts.push(format!("![alt]({destination})"));
        texts.push(format!("![alt][label]\n\n[label]: {destination}"));
    }
    texts
}

#[test]
fn refused_destinations_never_become_links() {
    let mut vectors = 0;
    for destination in REFUSED {
        for text in links(destination) {
            vectors += 1;
            let tree = checked(&text);
            each(&tree, &mut |node| {
                assert!(
                    node.t != MdKind::A || node.u.is_none(),
                    "{text:?} leads to {:?}",
                    node.u
                );
            });
        }
    }
    println!(
        "{vectors} vectors with {} refused destinations",
        REFUSED.len()
    );
    assert!(vectors >= 150);
}

#[test]
fn allowed_destinations_show_the_host_that_they_lead_to() {
    for (destination, host) in ALLOWED {
        let tree = checked(&format!("[perses.example]({destination})"));
        let mut found = 0;
        each(&tree, &mut |node| {
            if node.t == MdKind::A {
                found += 1;
                assert!(node.u.is_some(), "{destination} should be allowed");
                assert_eq!(node.host.as_deref(), host, "{destination}");
            }
        });
        assert_eq!(found, 1, "{destination}");
    }
}

#[test]
fn markup_of_other_languages_stays_text() {
    for raw in RAW {
        let tree = checked(raw);
        each(&tree, &mut |node| {
            assert!(node.u.is_none() && node.host.is_none(), "{raw:?}: {node:?}");
            assert!(
                !matches!(node.t, MdKind::A | MdKind::Img),
                "{raw:?}: {node:?}"
            );
        });
        let wrapped = checked(&format!("Text before\n\n{raw}\n\ntext after"));
        each(&wrapped, &mut |node| {
            assert!(node.u.is_none(), "{raw:?}: {node:?}")
        });
    }
    println!("{} texts with raw markup", RAW.len());
}

#[test]
fn the_specifications_examples_keep_to_the_rules() {
    for example in commonmark().iter().chain(&gfm()) {
        checked(&example.markdown);
    }
}

#[test]
fn an_unknown_origin_makes_every_absolute_link_leave() {
    for origin in ["", "null", "file://", "perses.example"] {
        let policy = LinkPolicy::new(origin);
        let tree = parse("[text](https://perses.example/x)", &policy);
        assert_eq!(
            tree[0].c[0].host.as_deref(),
            Some("perses.example"),
            "{origin:?}"
        );
    }
}

#[test]
fn deep_nesting_does_not_go_deep() {
    for text in [
        "> ".repeat(20_000),
        format!("{}x", "- ".repeat(5_000)),
        format!("{}x{}", "*".repeat(5_000), "*".repeat(5_000)),
        "[".repeat(5_000),
        "![a](".repeat(2_000),
        format!("{}x{}", "*a **b ".repeat(2_000), "** c*".repeat(2_000)),
    ] {
        let tree = parse(&text, &policy());
        assert!(depth(&tree) <= 60, "{}", depth(&tree));
        let mut random = Random::new(1);
        stream_equals_parse(&pieces(&text, 5_000, &mut random)).unwrap();
    }
}

fn depth(nodes: &[MdNode]) -> usize {
    nodes
        .iter()
        .map(|node| 1 + depth(&node.c))
        .max()
        .unwrap_or(0)
}

fn each(nodes: &[MdNode], check: &mut impl FnMut(&MdNode)) {
    for node in nodes {
        check(node);
        each(&node.c, check);
    }
}

/// The tree, after what holds for every text: addresses are in links and images only, a link's is harmless, an image's is
/// only shown, and HTML is a leaf with its source as text. The same text streamed gives the same.
fn checked(text: &str) -> Vec<MdNode> {
    let tree = parse(text, &policy());
    each(&tree, &mut |node| {
        match node.t {
            MdKind::A => {
                if let Some(url) = &node.u {
                    assert_harmless(url, node.host.as_deref(), text);
                }
            }
            MdKind::Img => assert!(node.host.is_none()),
            _ => assert!(
                node.u.is_none() && node.host.is_none(),
                "{text:?}: {node:?}"
            ),
        }
        if matches!(node.t, MdKind::Html | MdKind::InlineHtml) {
            let only_text = MdNode {
                t: node.t,
                x: node.x.clone(),
                ..MdNode::default()
            };
            assert_eq!(*node, only_text, "{text:?}");
        }
    });
    stream_equals_parse(&characters(text)).unwrap();
    tree
}

/// Said in another way than the policy's: as an allow-list of the bytes that a browser can't read differently.
fn assert_harmless(url: &str, host: Option<&str>, text: &str) {
    let forbidden = |c: char| c.is_control() || c == '\\' || c == ' ';
    assert!(!url.contains(forbidden), "{text:?}: {url:?}");
    let lower = url.to_ascii_lowercase();
    let authority = match lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"))
    {
        Some(rest) => rest.split(['/', '?', '#']).next().unwrap().to_owned(),
        None => {
            assert!(
                url.starts_with('/') && !url.starts_with("//"),
                "{text:?}: {url:?}"
            );
            assert_eq!(host, None);
            return;
        }
    };
    assert!(
        !authority.is_empty() && authority.is_ascii() && !authority.contains(['@', '%']),
        "{text:?}: {url:?}"
    );
    match host {
        Some(host) => assert!(authority.starts_with(host), "{text:?}: {url:?}"),
        None => {
            let own = lower.starts_with("https://")
                && matches!(&*authority, "perses.example" | "perses.example:443");
            assert!(own, "{text:?}: {url:?}");
        }
    }
}
