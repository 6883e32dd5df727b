//! Components of contract 0.1, built from source as their authors wrote them, in the daemon of today.

use std::process::Command;

use playrelay_tests::author_project::said;
use playrelay_tests::harness::{TestContext, binary, event_of};
use tempfile::TempDir;

use crate::architecture::workspace;
use crate::author_kit::{has_program, has_rust_target};

const MESSAGE: &str = r#"{ "event": "start", "user": "mia", "device": "Living room", "position_s": 60, "length_s": 6420,
    "movie": { "title": "Mirror", "year": 1975, "imdb": "tt0072443" } }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_contract_0_1_serves_in_each_language() {
    let mut languages = Vec::new();
    languages.extend(has_rust_target().then_some("rust"));
    languages.extend(has_program("npm", &["--version"]).then_some("js"));
    languages.extend(has_program("python3", &["-m", "pip", "--version"]).then_some("python"));
    let built = TempDir::new().unwrap();
    let rebuild = Command::new(workspace().join("tests/contract_0_1/rebuild.sh"))
        .arg(binary())
        .arg(built.path())
        .args(&languages)
        .output()
        .unwrap();
    assert!(rebuild.status.success(), "{}", said(&rebuild));
    let source = |language: &&str| {
        format!(
            "[sources.{language}]\nplugin = \"frozen-{language}\"\nwebhook_token = \"token-of-{language}\"\n\n"
        )
    };
    let home = TestContext::new(&languages.iter().map(source).collect::<String>());
    for language in &languages {
        let component = built.path().join(format!("frozen-{language}.wasm"));
        let installed = home.run(&["plugin", "install", component.to_str().unwrap(), "--yes"]);
        assert!(installed.status.success(), "{language}: {}", said(&installed));
    }
    let daemon = home.start();
    for language in languages {
        let token = format!("token-of-{language}");
        let body = MESSAGE.as_bytes().to_vec();
        let sent = daemon.send(&format!("/webhook/{language}"), Some(&token), "application/json", body).await;
        let story = daemon.settled(event_of(sent).await).await;
        assert_eq!(
            (&story["item"], &story["user"]),
            (&"Mirror (1975)".into(), &"mia".into()),
            "{language}: {story:#}"
        );
    }
}
