//! The binary: configuration from file and variables, and what it says of bad ones.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn relay(file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.toml");
    std::fs::write(&path, file).unwrap();
    Command::new(env!("CARGO_BIN_EXE_persai-relay"))
        .env_clear()
        .envs(variables.iter().copied())
        .args(arguments)
        .arg("--config")
        .arg(&path)
        .output()
        .unwrap()
}

fn refusal(file: &str, variables: &[(&str, &str)]) -> String {
    let output = relay(file, variables, &["config"]);
    assert!(!output.status.success(), "{file} {variables:?} was taken");
    String::from_utf8(output.stderr).unwrap()
}

const GOOD: &str = "perses_url = \"http://localhost:8080\"\n";
const PROVIDER: &str = "[[providers]]\nid = \"a\"\nkind = \"openaiChat\"\nmodel = \"m\"\n";

#[test]
fn unknown_keys_are_refused_by_name() {
    for (file, variables, named) in [
        (format!("{GOOD}liste = 1"), vec![], "unknown key liste"),
        (
            format!("{GOOD}[budgets]\nround = 1"),
            vec![],
            "unknown key budgets.round",
        ),
        (
            format!("{GOOD}{PROVIDER}base_url = \"https://x\"\napi_key = \"k\""),
            vec![],
            "unknown key providers.0.api_key",
        ),
        (
            GOOD.to_owned(),
            vec![("PERSAI_PERSESURL", "x")],
            "unknown key persesurl",
        ),
        (
            GOOD.to_owned(),
            vec![("PERSAI_BUDGETS__ROUND", "1")],
            "unknown key budgets.round",
        ),
    ] {
        let said = refusal(&file, &variables);
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn bad_values_are_refused_with_a_sentence() {
    for (file, named) in [
        ("", "the key perses_url is missing"),
        ("perses_url = \"localhost\"", "perses_url: this is no URL"),
        ("perses_url = \"ftp://h\"", "only http and https"),
        (
            "perses_url = \"http://user:canary@h\"",
            "user name or password",
        ),
        ("perses_url = \"http://h/?q=1\"", "query or fragment"),
        ("perses_url = \"http://h\"\nlisten = \"8080\"", "listen"),
        (
            "perses_url = \"http://h\"\npublic_origins = [\"https://h/\"]",
            "is no origin",
        ),
        (
            "perses_url = \"http://h\"\npublic_origins = [\"*\"]",
            "is no origin",
        ),
        (
            "perses_url = \"http://h\"\ndefault_model = \"x\"",
            "no provider with the id",
        ),
        (
            "perses_url = \"http://h\"\nmax_question_bytes = 0",
            "max_question_bytes",
        ),
        (
            "perses_url = \"http://h\"\n[guard]\nmode = \"on\"",
            "guard.mode",
        ),
        ("perses_url = ", "perses_url"),
    ] {
        let said = refusal(file, &[]);
        assert!(
            said.contains(named) || (named == "perses_url" && !said.is_empty()),
            "{file}: {said}"
        );
        assert!(!said.contains("canary"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    for (entry, named) in [
        ("base_url = \"http://llm.example.com\"", "allow_http"),
        (
            "base_url = \"https://x\"\napi_key_env = \"A\"\napi_key_file = \"b\"",
            "not both",
        ),
        (
            "base_url = \"https://x\"\napi_key_env = \"sk-canary\"",
            "api_key_env",
        ),
        (
            "base_url = \"https://x\"\nmax_output_tokens = 0",
            "max_output_tokens",
        ),
        (
            "base_url = \"https://x\"\nheaders = { \"a b\" = \"c\" }",
            "header",
        ),
    ] {
        let said = refusal(&format!("{GOOD}{PROVIDER}{entry}"), &[]);
        assert!(said.contains(named), "{entry}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn variables_go_before_the_file_and_no_secret_is_shown() {
    let file = format!(
        "{GOOD}{PROVIDER}base_url = \"https://llm.example.com/v1\"\napi_key_env = \"PERSAI_LLM_KEY\"\nheaders = {{ x-team = \"canary-header\" }}"
    );
    let variables = [
        ("PERSAI_LLM_KEY", "canary-key"),
        ("PERSAI_PERSES_URL", "https://perses.example.com/perses"),
        ("PERSAI_FRONT", "true"),
        ("PERSAI_BUDGETS__ROUNDS", "3"),
        // What Kubernetes sets beside a service named persai.
        ("PERSAI_PORT", "tcp://10.0.0.1:80"),
        ("PERSAI_SERVICE_HOST", "10.0.0.1"),
    ];
    let output = relay(&file, &variables, &["config"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let shown = String::from_utf8(output.stdout).unwrap();
    for line in [
        "perses_url = \"https://perses.example.com/perses\"",
        "front = true",
        "rounds = 3",
        "x-team = \"(hidden)\"",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn a_key_that_cannot_be_read_stops_the_start() {
    let provider = format!("{GOOD}{PROVIDER}base_url = \"https://x\"\napi_key_env = \"NOT_SET\"\n");
    let output = relay(
        &format!("listen = \"127.0.0.1:0\"\n{provider}"),
        &[],
        &["serve"],
    );
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("NOT_SET"));
}

#[test]
fn openapi_is_printed_without_a_configuration() {
    let output = Command::new(env!("CARGO_BIN_EXE_persai-relay"))
        .env_clear()
        .arg("openapi")
        .output()
        .unwrap();
    let description: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(description["paths"]["/persai/v1/agent"]["post"].is_object());
}

/// SIGTERM ends an open stream and the process, with success and in time.
#[test]
fn a_stop_signal_ends_the_relay_honestly() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_persai-relay"))
        .env_clear()
        .env("PERSAI_PERSES_URL", "http://127.0.0.1:1")
        .env("PERSAI_LISTEN", "127.0.0.1:0")
        .env("PERSAI_DATA_DIR", dir.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let listening = lines
        .find_map(|line| {
            line.unwrap()
                .split_once("address=")
                .map(|(_, rest)| rest.to_owned())
        })
        .unwrap();
    let address = listening.split(' ').next().unwrap().to_owned();
    let mut connection = TcpStream::connect(&address).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    connection
        .write_all(b"GET /persai/v1/capabilities HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut start = [0; 12];
    connection.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");

    assert!(
        Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(
            started.elapsed() < Duration::from_secs(12),
            "it does not stop"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(child.wait().unwrap().success());
}
