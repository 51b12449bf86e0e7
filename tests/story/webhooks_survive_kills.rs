//! Workers die in the middle of thousands of deliveries; each message arrives at least once, and those of one record in
//! their order. `BACKOFFICE_STORY_WEBHOOKS` says how many (10000, say); `--nocapture` shows how quickly they went.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use backoffice::platform::vault::Vault;
use serde_json::json;
use uuid::Uuid;

use crate::harness::program::folder;
use crate::harness::receiver::Receiver;
use crate::harness::{Office, Setup};

struct Story {
    office: Office,
    tenant: Uuid,
    receiver: Receiver,
    key: String,
}

impl Story {
    async fn begin() -> Self {
        // The run's own folder: nothing lasts in it that was there before it was made.
        let key = folder("secrets").with_extension("key");
        let mut setup = Setup { jobs: 0, ..Setup::default() };
        setup.webhooks.vault = Vault::open(&key).unwrap();
        let office = Office::with(setup);
        let person = office.person("Ada");
        let tenant = office.firm("Firm", person);
        let receiver = Receiver::open().await;
        office
            .client(person, tenant)
            .ask(
                "mutation($url: String!) { webhookEndpointCreate(input: { name: \"Story\", url: $url, events: [CUSTOMER_UPDATED] }) {
                   userErrors { message } } }",
                json!({ "url": receiver.url() }),
            )
            .await;
        Self { office, tenant, receiver, key: key.to_str().unwrap().to_owned() }
    }

    /// So many events, four of each record, as a large import would write them.
    fn tell(&self, count: usize) {
        self.office.app.database.lay(&format!(
            "SELECT core.set_tenant('{}');
             SELECT core.emit(array_agg(gen_random_uuid()), array_agg('customer.updated'::text), array_agg('Customer'::text), array_agg(md5((n % {})::text)::uuid))
               FROM generate_series(1, {count}) AS n",
            self.tenant,
            count / 4
        ));
    }

    fn left(&self) -> i64 {
        self.office.count(
            "(SELECT count(*) FROM core.event e WHERE e.kind = 'customer.updated')
             - (SELECT count(*) FROM core.webhook_delivery d WHERE d.state = 'succeeded')",
        )
    }
}

#[tokio::test]
async fn each_message_arrives_however_often_workers_die() {
    let count: usize = std::env::var("BACKOFFICE_STORY_WEBHOOKS").map_or(1_200, |count| count.parse().unwrap());
    let story = Story::begin().await;
    let database = &story.office.app.database;
    let environment = [("BACKOFFICE_SECRETS_KEY", story.key.as_str()), ("BACKOFFICE_WEBHOOKS_TO_LOOPBACK", "true")];
    story.tell(count);
    let (mut kills, mut in_the_middle, begun) = (0u32, 0u32, Instant::now());
    while story.left() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(300 + count as u64 / 20), "{} are left", story.left());
        let before = story.receiver.received().len();
        let worker = database.worker_with(1, &environment);
        // Until something has come, and then for a moment, the longer the more there is to do: each kill meets it
        // somewhere else.
        let started = Instant::now();
        while story.receiver.received().len() == before
            && story.left() > 0
            && started.elapsed() < Duration::from_secs(20)
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(kills * 61 % 500) * (count as u64).div_ceil(1_200))).await;
        drop(worker);
        kills += 1;
        in_the_middle += u32::from(story.left() > 0);
        // The minute is over for which the dead one had its lane.
        database
            .lay("UPDATE core.webhook_lane SET leased_until = now() - interval '1 s' WHERE leased_until IS NOT NULL");
    }
    assert!(in_the_middle >= 3, "{kills} kills, {in_the_middle} of them in the middle");

    let received = story.receiver.received();
    let events = database.lines(
        "postgres",
        "SELECT format('msg_%s %s %s', replace(e.id::text, '-', ''), e.position, e.node_id) AS line FROM core.event e WHERE e.kind = 'customer.updated'",
    );
    let told: HashMap<&str, (i64, &str)> = events
        .iter()
        .map(|line| {
            let mut parts = line.split(' ');
            (parts.next().unwrap(), (parts.next().unwrap().parse().unwrap(), parts.next().unwrap()))
        })
        .collect();
    assert_eq!(told.len(), count);
    let arrived: HashSet<&str> = received.iter().map(|one| one.id()).collect();
    assert_eq!(arrived.len(), count, "each arrived");
    // A dead worker's batch came twice at most.
    assert!(received.len() <= count + 100 * kills as usize, "{} for {count}, {kills} kills", received.len());
    let mut last: HashMap<&str, i64> = HashMap::new();
    for one in &received {
        let (position, node) = told[one.id()];
        let newest = last.entry(node).or_default();
        assert!(position >= *newest, "{node}: {position} came after {newest}");
        *newest = position;
    }
    println!("{count} messages, {kills} kills ({in_the_middle} in the middle), {} arrivals", received.len());

    // Once more in peace.
    let peaceful = Instant::now();
    story.tell(count);
    let worker = database.worker_with(1, &environment);
    let first = received.len();
    story.receiver.wait_for(first + 1).await;
    let (started, begun_with) = (Instant::now(), story.receiver.received().len());
    while story.left() > 0 {
        assert!(peaceful.elapsed() < Duration::from_secs(120));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(worker);
    let rate = (story.receiver.received().len() - begun_with) as f64 / started.elapsed().as_secs_f64();
    assert_eq!(story.receiver.received().len(), first + count, "without a kill nothing comes twice");
    println!("{rate:.0} deliveries a second to one endpoint");
}
