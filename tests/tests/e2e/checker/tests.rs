//! The checker finds nothing in what a server kept, and finds each thing that is doctored into it.

use std::future::Future;

use leasehold_proto::licensing::v1 as pb;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::Rule::{Conservation, ExactlyOnce, Fencing, NoLostGrant, NoOverIssue, OldHeartbeat, OneGrant};
use super::history::{Call, Heard, History};
use super::{Rule, Violation, replay, sqlite, state};
use crate::player::{self, Player};
use crate::server::{Server, database};

/// What a server kept of some play, and the histories of the players.
struct Played {
    server: Server,
    histories: Vec<History>,
}

impl Played {
    async fn new() -> Self {
        let mut server = Server::start(&player::estate(), player::SETTINGS).await;
        let mut histories = Vec::new();
        for number in [0, 1, 3, 5, 10] {
            histories.push(Player::new(7, number, &[server.port()]).play_moves(60).await);
        }
        server.stop().await;
        Self { server, histories }
    }

    /// What is found after these statements were run on a copy of the file.
    async fn doctored(&self, sql: &str) -> Vec<Violation> {
        let folder = sqlite::copy(&self.server.data());
        let file = database(folder.path());
        let options = SqliteConnectOptions::new().filename(&file).foreign_keys(false);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        self.judge(&file, &self.histories).await
    }

    /// What is found when the clients had heard something else.
    async fn misheard(&self, change: impl Fn(&mut Call) -> bool) -> Vec<Violation> {
        let mut histories = self.histories.clone();
        let changed = histories.iter_mut().flat_map(|history| &mut history.calls).any(change);
        assert!(changed, "the players played what is to be changed");
        let folder = sqlite::copy(&self.server.data());
        self.judge(&database(folder.path()), &histories).await
    }

    async fn judge(&self, file: &std::path::Path, histories: &[History]) -> Vec<Violation> {
        let snapshot = sqlite::read(file).await;
        let mut found = state::check(&snapshot).0;
        found.extend(replay::check(&snapshot, histories).0.0);
        found
    }
}

/// What is doctored, how, and the rules that must be found broken. `HOT_GRANT` is a grant of the hot feature.
const DOCTORED: &[(&str, &str, &[Rule])] = &[
    (
        "a part is deleted",
        "DELETE FROM parts WHERE (grant_id, seq) IN (SELECT grant_id, seq FROM parts LIMIT 1)",
        &[Conservation, NoLostGrant],
    ),
    ("a counter is one more", "UPDATE cells SET used = used + 1 WHERE line_item = 'L-SIM'", &[Conservation]),
    (
        "an answer is doubled",
        "ALTER TABLE answers RENAME TO old; CREATE TABLE answers AS SELECT * FROM old;
         INSERT INTO answers SELECT * FROM old LIMIT 1",
        &[ExactlyOnce],
    ),
    ("an answer is gone", "DELETE FROM answers WHERE id IN (SELECT id FROM answers LIMIT 1)", &[ExactlyOnce]),
    (
        "an answer is another",
        "UPDATE answers SET answer = x'00' WHERE id IN (SELECT id FROM answers LIMIT 1)",
        &[ExactlyOnce],
    ),
    (
        "too much is out",
        "UPDATE parts SET count = 23 WHERE grant_id = HOT_GRANT AND line_item = 'L-HOT';
         UPDATE cells SET used = 23 WHERE line_item = 'L-HOT'",
        &[NoOverIssue, NoLostGrant],
    ),
    (
        "what is set aside is given away",
        "UPDATE cells SET used = 30 WHERE line_item = 'L-PLOT' AND source = ''",
        &[NoOverIssue],
    ),
    (
        "more than is set aside is out of it",
        "UPDATE cells SET used = allocated + 1 WHERE line_item = 'L-PLOT' AND source <> ''",
        &[NoOverIssue],
    ),
    (
        "a holder has two grants",
        "DROP INDEX grants_holder;
         INSERT INTO grants (instance, id, device, place, feature, mode, fencing_token, lease_token, lease_ttl,
             granted_at, changed_at, floor_deadline, first_end)
         SELECT instance, randomblob(16), device, place, feature, mode, fencing_token,
             lease_token, lease_ttl, granted_at, changed_at, floor_deadline, first_end FROM grants LIMIT 1",
        &[OneGrant],
    ),
    ("a grant is gone", "DELETE FROM grants WHERE id = HOT_GRANT", &[NoLostGrant, Conservation]),
    (
        "a token is older",
        "UPDATE grants SET fencing_token = fencing_token - 1 WHERE id = HOT_GRANT",
        &[NoLostGrant],
    ),
    (
        "a record is gone",
        "DELETE FROM activity WHERE id IN (SELECT id FROM activity WHERE kind = 'GRANTED'
             AND deltas <> '{}' LIMIT 1)",
        &[Conservation, ExactlyOnce],
    ),
    (
        "a refusal is recorded twice",
        "INSERT INTO activity SELECT instance, at, randomblob(16), kind, hostid, place, feature, grant_id,
             deltas, detail, request, actor FROM activity WHERE kind = 'REFUSED' LIMIT 1",
        &[ExactlyOnce],
    ),
    (
        "somebody's return is recorded twice",
        "INSERT INTO activity SELECT instance, at, randomblob(16), kind, hostid, place, feature, grant_id,
             '{}', detail, NULL, actor FROM activity WHERE kind = 'RETURNED' LIMIT 1",
        &[ExactlyOnce],
    ),
];

/// Doctors and names every rule that must be found broken.
async fn expect(found: impl Future<Output = Vec<Violation>>, what: &str, rules: &[Rule]) {
    let found = found.await;
    for rule in rules {
        let named = found.iter().any(|violation| violation.rule == *rule);
        assert!(named, "{what}: {rule} was to be found broken; found {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_doctored_is_found_by_name() {
    let played = Played::new().await;
    let found = played.doctored("SELECT 1").await;
    assert_eq!(found, [], "what was not doctored is in order");

    let hot = "(SELECT grant_id FROM parts WHERE line_item = 'L-HOT' LIMIT 1)";
    for (what, sql, rules) in DOCTORED {
        expect(played.doctored(&sql.replace("HOT_GRANT", hot)), what, rules).await;
    }
    expect(played.misheard(second_answer), "a repeat is answered anew", &[ExactlyOnce]).await;
    expect(played.misheard(no_error), "an id is reused", &[ExactlyOnce]).await;
    expect(played.misheard(alive), "an old token is heard", &[OldHeartbeat]).await;
    expect(played.misheard(released), "an old token returns a grant", &[Fencing]).await;
    expect(played.misheard(evicted), "a live client is evicted", &[NoLostGrant]).await;
}

fn second_answer(call: &mut Call) -> bool {
    let Call::Request { message, heard } = call else { return false };
    let answered = message.operation() == pb::Operation::Request && matches!(heard[..], [Heard::Answer(_)]);
    if answered {
        heard.push(Heard::Answer(vec![0]));
    }
    answered
}

fn no_error(call: &mut Call) -> bool {
    let Call::Reuse { heard, .. } = call else { return false };
    *heard = vec![Heard::Answer(vec![0])];
    true
}

fn alive(call: &mut Call) -> bool {
    let Call::Heartbeat { results, .. } = call else { return false };
    let lost = results.iter_mut().find(|result| result.status() == pb::LeaseStatus::Lost);
    lost.map(|result| result.set_status(pb::LeaseStatus::Ok)).is_some()
}

fn evicted(call: &mut Call) -> bool {
    let Call::Heartbeat { results, .. } = call else { return false };
    let alive = results.iter_mut().find(|result| result.status() == pb::LeaseStatus::Ok);
    alive.map(|result| result.set_status(pb::LeaseStatus::Lost)).is_some()
}

fn released(call: &mut Call) -> bool {
    let Call::Release { heard, .. } = call else { return false };
    let [Heard::Answer(result)] = heard.as_mut_slice() else { return false };
    let lost = result.status() == pb::LeaseStatus::Lost;
    result.set_status(pb::LeaseStatus::Released);
    lost
}
