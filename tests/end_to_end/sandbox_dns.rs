//! A name that leads to the internet when it is asked for first, and into the user's own network after that.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use playrelay_tests::harness::{TestContext, event_of};
use tokio::net::{TcpListener, UdpSocket};

use crate::plugin_directory::install;

/// Set in the network that this test has to itself.
const INSIDE: &str = "PLAYRELAY_TEST_OWN_NETWORK";
/// The name of this test.
const NAME: &str = "sandbox_dns::a_name_that_leads_elsewhere_the_second_time_is_not_followed";
/// What the name leads to in turns: the second one is this machine.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(93, 184, 216, 34), Ipv4Addr::LOCALHOST];
/// Every name is looked up here: `/etc/resolv.conf` is another file in that network. `$0` is a folder; what follows is run.
const SET_UP: &str = "ip link set lo up && echo 'nameserver 127.0.0.1' > \"$0/resolv.conf\" \
    && mount --bind \"$0/resolv.conf\" /etc/resolv.conf && exec \"$@\"";
/// How often the plugin tries.
const ATTEMPTS: usize = 6;

/// Runs this test once more in a network of its own. Only root may make one.
fn run_inside() {
    let own_network = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "--mount", "--"]).args(command);
        unshare
    };
    let is_possible = own_network(&["ip", "link"]).output().is_ok_and(|output| output.status.success());
    if !is_possible {
        println!("SKIPPED: a network of one's own takes root, unshare and ip");
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let program = std::env::current_exe().unwrap();
    let inside = own_network(&["sh", "-c", SET_UP])
        .arg(folder.path())
        .arg(program)
        .args(["--exact", NAME, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&inside.stdout).into_owned() + &String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success() && said.contains("test result: ok. 1 passed"), "{said}");
}

/// Answers every question for an address, with the next one of them each time. Gives how often it was asked.
async fn name_server() -> Arc<AtomicUsize> {
    /// Of a header; of a question after its name (RFC 1035, section 4.1).
    const HEADER_BYTES: usize = 12;
    const ADDRESS_TYPE: [u8; 2] = [0, 1];
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).await.unwrap();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            let name = query[HEADER_BYTES..length].iter().position(|byte| *byte == 0).unwrap();
            let end = HEADER_BYTES + name + 5;
            let is_for_address = query[end - 4..end - 2] == ADDRESS_TYPE;
            // Its id; that it answers, and may be asked for anything; one question, at most one answer.
            let mut answer = query[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_for_address), 0, 0, 0, 0]);
            answer.extend(&query[HEADER_BYTES..end]);
            if is_for_address {
                let address = ADDRESSES[counted.fetch_add(1, Ordering::SeqCst) % ADDRESSES.len()];
                // The name of the question; an address of the internet; not to be kept; four bytes.
                answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                answer.extend(address.octets());
            }
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    asked
}

/// Takes connections where the name leads to the second time. Gives how many there were.
async fn own_server() -> Arc<AtomicUsize> {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let listener = TcpListener::bind((ADDRESSES[1], 443)).await.unwrap();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    connections
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_elsewhere_the_second_time_is_not_followed() {
    if std::env::var_os(INSIDE).is_none() {
        return run_inside();
    }
    let (asked, connections) = (name_server().await, own_server().await);
    let home = TestContext::new(
        "[sources.attic]\nplugin = \"public\"\nwebhook_token = \"a-token-of-the-attic\"\ntarget = \"https://flips.example/\"\n",
    );
    install(&home, "public.wasm", "public.wasm");
    assert!(home.run(&["plugin", "approve", "public"]).status.success());
    let daemon = home.start();
    let mut stories = String::new();
    for attempt in 0..ATTEMPTS {
        let body = format!("play mia{attempt}").into_bytes();
        let answer = daemon.send("/webhook/attic", Some("a-token-of-the-attic"), "text/plain", body).await;
        stories.push_str(&daemon.settled(event_of(answer).await).await.to_string());
    }
    assert!(asked.load(Ordering::SeqCst) >= ATTEMPTS, "{stories}");
    // It was tried with both.
    assert!(stories.contains("Unreachable") && stories.contains("Denied"), "{stories}");
    assert_eq!(connections.load(Ordering::SeqCst), 0, "{stories}");
}
