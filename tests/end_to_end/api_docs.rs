//! `docs/api.md` is what the program does: its session is run, and its tables are those of the code.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use playrelay::web::api::document;
use playrelay::web::api::problem::ProblemCode;
use playrelay_tests::binary::binary;
use playrelay_tests::fake_mdblist::{self, FakeMdbList};
use serde_json::Value;

use crate::architecture::workspace;
use crate::docs::is_kept_as;

/// How long the session of the page may take, in words for `timeout`.
const DEADLINE: &str = "90";

/// Kills the daemon of the page, whatever became of the page.
const AFTERWARDS: &str = "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT";

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_the_page_leads_from_an_empty_folder_to_a_play_that_arrives() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has curl");
        println!("SKIPPED: there is no curl");
        return;
    }
    let page = fs::read_to_string(workspace().join("docs/api.md")).unwrap();
    let blocks: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split_once("\n```").expect("a block has an end").0)
        .collect();
    assert!(blocks.len() > 4, "{}", blocks.len());
    let script = format!("set -euo pipefail\n{AFTERWARDS}\n{}\n", blocks.join("\n"));
    let mdblist = FakeMdbList::start().await;
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = binary();
    let programs = Path::new(&program).parent().unwrap().to_owned();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("timeout");
    command
        .args([DEADLINE, "bash", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("RELAY", format!("http://127.0.0.1:{port}"))
        .env("PLAYRELAY__SERVER__LISTEN", format!("127.0.0.1:{port}"))
        .env("TRACKER", mdblist.server.url())
        .env("KEY", fake_mdblist::API_KEY);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let log = fs::read_to_string(folder.path().join("serve.log")).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}\n{log}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("Inception") && said.contains("\"currently_watching\""), "{said}");
    let configuration = fs::read_to_string(folder.path().join("playrelay.toml")).unwrap();
    assert!(configuration.contains("[trackers.list]"), "{configuration}");
    assert!(!configuration.contains(fake_mdblist::API_KEY), "the key is in the vault");
}

#[test]
fn the_tables_of_the_page_are_those_of_the_code() {
    let page = fs::read_to_string(workspace().join("docs/api.md")).unwrap();
    let mut problems = "| code | status | |\n|---|---|---|\n".to_owned();
    for code in ProblemCode::ALL {
        problems.push_str(&format!(
            "| `{}` | {} | {} |\n",
            code.as_str(),
            code.status().as_u16(),
            code.title()
        ));
    }
    let document = serde_json::to_value(document()).unwrap();
    let mut operations = "| operation | asks for | |\n|---|---|---|\n".to_owned();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let text = |key: &str| operation[key].as_str().map(str::to_owned);
            let (Some(permission), Some(summary)) = (text("x-permission"), text("summary")) else { continue };
            // A row of a table is one line.
            let (method, summary) = (method.to_uppercase(), summary.replace('\n', " "));
            operations.push_str(&format!("| `{method} {path}` | {permission} | {summary} |\n"));
        }
    }
    let page = with_table(&with_table(&page, "problems", &problems), "operations", &operations);
    is_kept_as("docs/api.md", &page);
}

/// A page with a table between its markers.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let (before, rest) = page.split_once(&format!("<!-- {name}:")).expect("a marker");
    let (marker, rest) = rest.split_once("-->\n").expect("the end of the marker");
    let (_, after) = rest.split_once(&format!("<!-- /{name} -->")).expect("the end of the table");
    format!("{before}<!-- {name}:{marker}-->\n{table}<!-- /{name} -->{after}")
}

#[test]
fn the_document_is_sound() {
    let document: Value = serde_json::to_value(document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    // Every reference leads somewhere.
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a reference into the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
