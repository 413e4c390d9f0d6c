//! The two streams: resumed anywhere they give exactly the rest; the log is dense and its chain holds.

use e2e::sse::Frame;
use e2e::world::{Job, World, shell};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};

/// Checks that events are dense from 1 and that each carries the digest of all before it.
pub fn assert_chain(entries: &[Value]) {
    let mut previous = [0_u8; 32];
    for (index, entry) in entries.iter().enumerate() {
        let seq = index as u64 + 1;
        assert_eq!(entry["seq"], seq, "events have a gap");
        let at: jiff::Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
        let kind = entry["event"]["type"].as_str().unwrap();
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&previous)
            .update(&seq.to_le_bytes())
            .update(&at.as_millisecond().to_le_bytes());
        hasher.update(&u32::try_from(kind.len()).unwrap().to_le_bytes()).update(kind.as_bytes());
        hasher.update(blake3::hash(entry["event"].to_string().as_bytes()).as_bytes());
        previous = *hasher.finalize().as_bytes();
        assert_eq!(
            entry["hash"],
            hex::encode(previous),
            "the chain breaks at event {seq}: {entry}"
        );
    }
}

fn number(id: &str) -> Vec<u64> {
    id.split('.').map(|part| part.parse().unwrap()).collect()
}

/// Frames that a replay owes: not what is only live.
fn durable(frames: &[Frame]) -> Vec<Frame> {
    frames
        .iter()
        .filter(|frame| {
            frame.event != "heartbeat"
                && frame.event != "status"
                && frame.data["type"] != "shell-output-delta"
        })
        .cloned()
        .collect()
}

/// Resumes after the last frame of each id; gives how many there were.
async fn resume_everywhere(world: &World, job: &Job, live: &[Frame]) -> usize {
    let mut resumed = 0;
    for (index, frame) in live.iter().enumerate() {
        let Some(id) = frame.id.as_deref() else { continue };
        if live[index + 1..].iter().any(|later| later.id.as_deref() == Some(id)) {
            continue;
        }
        let rest = world.stream(job, Some(id)).await.rest().await;
        assert_eq!(rest[0].event, "status");
        assert_eq!(durable(&rest), durable(&live[index + 1..]), "after {id}");
        resumed += 1;
    }
    resumed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_resumed_after_any_frame_gives_exactly_the_rest() {
    let world = World::start().await;
    let text =
        "The first words of a longer answer that arrives in several pieces, grüße inbegriffen.";
    let slow = |turn: Turn| Turn { per_event_ms: 20, first_byte_ms: 30, ..turn };
    let job = world
        .chore(&[
            slow(
                shell("for i in 1 2 3; do echo $i; sleep 0.05; done")
                    .thinking("First I think about it for a while, then I act.")
                    .text(text),
            ),
            slow(shell("echo two")),
            slow(Turn::say(text)),
        ])
        .await;
    let live = world.frames(&job).await;
    assert_eq!(live[0].event, "status");
    assert!(
        live.iter().all(|frame| frame.event != "status" || frame.id.is_none()),
        "status has no id"
    );
    let names: Vec<_> = live.iter().map(|frame| frame.event.as_str()).collect();
    assert_eq!(names[names.len() - 2..], ["result", "done"]);
    let result = &live[live.len() - 2].data;
    assert_eq!(
        (result["runId"].as_str(), result["status"].as_str(), result["text"].as_str()),
        (Some(job.run.as_str()), Some("FINISHED"), Some(text))
    );
    let said: String = live
        .iter()
        .filter(|frame| frame.event == "assistant")
        .map(|frame| frame.data["text"].as_str().unwrap())
        .collect();
    assert_eq!(said, format!("{text}{text}"));
    assert!(
        live.iter().filter(|frame| frame.event == "assistant").count() > 4,
        "text arrives in pieces"
    );
    let simple: Vec<_> = live
        .iter()
        .filter(|frame| ["assistant", "thinking", "tool_call"].contains(&frame.event.as_str()))
        .map(|frame| number(frame.id.as_deref().expect("an id")))
        .collect();
    assert!(
        simple.windows(2).all(|pair| pair[0] < pair[1]),
        "ids of simple frames rise and are unique: {simple:?}"
    );
    let ids: Vec<_> = live.iter().filter_map(|frame| frame.id.clone()).collect();
    assert!(ids.windows(2).all(|pair| number(&pair[0]) <= number(&pair[1])), "ids rise: {ids:?}");

    let resumed = resume_everywhere(&world, &job, &live).await;
    assert_eq!(durable(&world.frames(&job).await), durable(&live), "from the beginning");
    let path = format!("/v1/agents/{}/runs/{}/stream", job.agent, job.run);
    for bad in ["x", "0.0.0", "999999.0.0", "1713033006000-0"] {
        let request = world.api.request(reqwest::Method::GET, &path).header("last-event-id", bad);
        e2e::api::send(bad, request).await.refused(400, "invalid_last_event_id");
    }
    println!("{} frames, resumed after each of {resumed} ids", live.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_dense_and_its_chain_can_be_checked_by_anyone() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = world
        .errand(
            &repository,
            &[shell("seq 1 20000"), shell("echo done > done.txt"), Turn::say("Done.")],
        )
        .await;
    world.ended_as(&job, "FINISHED").await;
    let all = world.events(&job.agent).await;
    assert_chain(&all);
    let path = format!("/v1/agents/{}/events", job.agent);
    for after in 0..=all.len() {
        let page = world.api.get(&format!("{path}?after={after}")).await.expect(200);
        assert_eq!(page["items"], json!(all[after..]), "after {after}");
    }
    let page = world.api.get(&format!("{path}?after=1&limit=2")).await.expect(200);
    assert_eq!((page["items"].clone(), page["nextAfter"].as_u64()), (json!(all[1..3]), Some(3)));
    world.end().await;
}
