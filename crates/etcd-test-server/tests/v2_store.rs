//! Properties of the store of v2, whatever it is asked.

use std::time::Duration;

use etcd_test_server::store::v2::{Compare, Event, KEPT, Operation, Shown, Store, Write};
use proptest::prelude::*;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A request, whose ends count from when it is made.
    Ask(String, Operation),
    /// So much time passes.
    Pass(Duration),
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![4 => Just("a"), 3 => Just("b"), 1 => Just("_h")];
    proptest::collection::vec(name, 0..4).prop_map(|names| format!("/{}", names.join("/")))
}

fn write() -> impl Strategy<Value = Write> {
    let end = proptest::option::weighted(0.3, (0..4_u64).prop_map(Duration::from_secs));
    (prop_oneof!["[xy]?"], any::<bool>(), end, proptest::bool::weighted(0.2)).prop_map(
        |(value, dir, expiration, refresh)| {
            // Requests that mean a directory or a refresh have no value.
            let value = if dir || refresh { String::new() } else { value };
            Write { value, dir: dir && !refresh, expiration, refresh }
        },
    )
}

fn compare() -> impl Strategy<Value = Compare> {
    ("[xy]?", 0..12_u64).prop_map(|(value, index)| Compare { value, index })
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => write().prop_map(Operation::Set),
        2 => write().prop_map(Operation::Create),
        2 => write().prop_map(Operation::CreateInOrder),
        2 => write().prop_map(Operation::Update),
        2 => (compare(), write()).prop_map(|(compare, write)| Operation::CompareAndSwap(compare, write)),
        2 => any::<(bool, bool)>().prop_map(|(dir, recursive)| Operation::Delete { dir, recursive }),
        1 => compare().prop_map(Operation::CompareAndDelete),
        1 => any::<bool>().prop_map(|recursive| Operation::Get { recursive }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = (path(), operation()).prop_map(|(path, operation)| Step::Ask(path, operation));
    let pass = (0..1500_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis)));
    proptest::collection::vec(prop_oneof![6 => ask, 1 => pass], 0..60)
}

fn from_now(operation: &Operation, now: Duration) -> Operation {
    let mut operation = operation.clone();
    match &mut operation {
        Operation::Set(write)
        | Operation::Create(write)
        | Operation::CreateInOrder(write)
        | Operation::Update(write)
        | Operation::CompareAndSwap(_, write) => {
            write.expiration = write.expiration.map(|end| now + end)
        }
        _ => {}
    }
    operation
}

/// A store, the time, and what was changed by requests.
struct Play {
    store: Store,
    now: Duration,
    changes: Vec<Event>,
}

impl Play {
    fn new() -> Self {
        Self { store: Store::new(true), now: Duration::from_secs(1), changes: Vec::new() }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Pass(time) => self.now += *time,
            Step::Ask(path, operation) => {
                let operation = from_now(operation, self.now);
                let changed = self.store.apply(path, &operation, self.now);
                let changes = !matches!(operation, Operation::Get { .. });
                self.changes.extend(changed.ok().filter(|_| changes));
            }
        }
    }

    fn through(steps: &[Step]) -> Self {
        let mut play = Self::new();
        steps.iter().for_each(|step| play.step(step));
        play
    }

    /// Everything but hidden nodes.
    fn tree(&mut self) -> Shown {
        let get = Operation::Get { recursive: true };
        self.store.apply("/", &get, self.now).expect("the root is there").node
    }

    /// What a watch from an index on is told, which began when the store had another.
    fn told(&self, path: &str, recursive: bool, mut since: u64, stood: u64) -> Vec<Event> {
        let mut told = Vec::new();
        loop {
            let next = self.store.watch(path, recursive, since, stood).expect("all are kept");
            let Some(event) = next else { return told };
            assert!(event.node.modified >= since, "{event:?} before {since}");
            since = event.node.modified + 1;
            told.push(event.clone());
        }
    }
}

fn walk(node: &Shown, visit: &mut impl FnMut(&Shown)) {
    visit(node);
    node.nodes.iter().for_each(|node| walk(node, visit));
}

fn is_hidden(key: &str) -> bool {
    key.split('/').any(|name| name.starts_with('_'))
}

proptest! {
    /// What is refused changes nothing, and what is done takes one index, after those of what ran out.
    #[test]
    fn the_index_grows_by_one_for_each_change(steps in steps()) {
        let mut play = Play::new();
        for step in &steps {
            // What has run out is no change of the request's.
            play.store.expire(play.now);
            let (index, changes, tree) = (play.store.index(), play.changes.len(), play.tree());
            play.step(step);
            let made = (play.changes.len() - changes) as u64;
            prop_assert_eq!(play.store.index(), index + made);
            if let (1, Some(event)) = (made, play.changes.last()) {
                prop_assert_eq!(event.node.modified, play.store.index());
                prop_assert!(event.node.created <= event.node.modified);
            }
            if made == 0 && matches!(step, Step::Ask(..)) {
                prop_assert_eq!(play.tree(), tree);
            }
        }
    }

    /// No key is a leaf and a directory, and each is where its directory says.
    #[test]
    fn a_key_is_a_leaf_or_a_directory(steps in steps()) {
        let mut play = Play::through(&steps);
        let tree = play.tree();
        let (mut leaves, mut faults, index) = (Vec::new(), Vec::new(), play.store.index());
        walk(&tree, &mut |node| {
            let is_leaf = node.value.is_some();
            let below = node.nodes.iter().all(|child| {
                child.key.strip_prefix(node.key.as_str()).is_some_and(|name| name.starts_with('/'))
            });
            let is_ordered = node.nodes.is_sorted_by(|one, next| one.key < next.key);
            let fits = is_leaf != node.dir && (node.dir || node.nodes.is_empty());
            if !fits || !is_ordered || !(below || node.key.is_empty()) || node.modified > index {
                faults.push(node.clone());
            }
            leaves.extend(is_leaf.then(|| node.key.clone()));
        });
        prop_assert_eq!(faults, Vec::new());
        let get = Operation::Get { recursive: false };
        for leaf in leaves {
            let below = play.store.apply(&format!("{leaf}/a"), &get, play.now);
            let refused = below.map_err(|error| (error.code, error.cause));
            prop_assert_eq!(refused, Err((104, leaf)));
        }
    }

    /// Nothing is shown after its end, nor what was in a directory that has ended.
    #[test]
    fn nothing_outlives_its_end(steps in steps()) {
        let mut play = Play::new();
        for step in &steps {
            play.step(step);
            let (now, tree) = (play.now, play.tree());
            let mut late = Vec::new();
            walk(&tree, &mut |node| {
                let left = node.expiration.map(|end| end.checked_sub(now));
                let shown = Duration::from_secs(node.ttl);
                let fits = match left {
                    None => node.ttl == 0,
                    Some(None) => false,
                    Some(Some(left)) => left <= shown && shown < left + Duration::from_secs(1),
                };
                late.extend((!fits).then(|| node.clone()));
            });
            prop_assert_eq!(late, Vec::new());
            prop_assert!(play.store.next_end().is_none_or(|end| end >= now));
        }
        play.now += Duration::from_secs(3600);
        play.store.expire(play.now);
        prop_assert_eq!(play.store.next_end(), None);
    }

    /// A watch of everything from any index on is told of every later change, once and in order.
    #[test]
    fn a_watch_tells_each_change_once(steps in steps(), since in 1..60_u64) {
        let play = Play::through(&steps);
        let index = play.store.index();
        let refreshes = |index| play.changes.iter().any(|event| event.refresh && event.node.modified == index);
        let expected: Vec<_> = (since..=index).filter(|index| !refreshes(*index)).collect();
        let recalled = play.told("/", true, since, index);
        let indexes: Vec<_> = recalled.iter().map(|event| event.node.modified).collect();
        prop_assert_eq!(indexes, expected);
        for event in play.changes.iter().filter(|event| event.node.modified >= since && !event.refresh) {
            prop_assert!(recalled.contains(event), "{:?}", event);
        }
        // Who was there before is not told of hidden keys; nothing else is left out.
        let seen: Vec<_> = recalled.iter().filter(|event| !is_hidden(&event.node.key)).cloned().collect();
        prop_assert_eq!(play.told("/", true, since, 0), seen);
    }

    /// A watch of one key is told of what happens to it, and of the end of what it is in.
    #[test]
    fn a_watch_of_a_key_tells_of_that_key(steps in steps(), path in path(), since in 1..60_u64) {
        let play = Play::through(&steps);
        let all = play.told("/", true, since, play.store.index());
        let concerns = |event: &Event| {
            event.node.key == path || event.gone.contains(&path)
        };
        let expected: Vec<_> = all.into_iter().filter(concerns).collect();
        prop_assert_eq!(play.told(&path, false, since, 0), expected);
    }

    /// Names that are made in order are indexes, and grow as texts too where they are padded.
    #[test]
    fn names_made_in_order_grow(steps in steps(), padded in any::<bool>()) {
        let mut play = Play::new();
        play.store = Store::new(padded);
        let in_order = Operation::CreateInOrder(Write::default());
        let (mut names, mut indexes) = (Vec::new(), Vec::new());
        for step in &steps {
            play.step(step);
            let made = play.store.apply("/queue", &in_order, play.now).expect("nobody else is there");
            names.extend(made.node.key.rsplit('/').next().map(str::to_owned));
            indexes.push(made.node.created);
        }
        let numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
        prop_assert_eq!(&numbers, &indexes);
        prop_assert!(numbers.is_sorted_by(|one, next| one < next));
        prop_assert!(!padded || names.is_sorted_by(|one, next| one < next));
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A thousand events are kept, and who asks for one before them is told so.
    #[test]
    fn a_thousand_events_are_kept(more in 0..200_u64) {
        let mut store = Store::new(true);
        let now = Duration::ZERO;
        let kept = KEPT as u64;
        for _ in 0..kept - 100 + more {
            store.apply("/k", &Operation::Set(Write::default()), now).expect("a leaf");
        }
        let index = store.index();
        let forgotten = index.saturating_sub(kept);
        for since in [1, forgotten, forgotten + 1, index].into_iter().filter(|since| *since > 0) {
            let first = store.watch("/k", false, since, index);
            let first = first.map(|event| event.map(|event| event.node.modified));
            if since > forgotten {
                prop_assert_eq!(first, Ok(Some(since)));
            } else {
                prop_assert_eq!(first.map_err(|error| error.code), Err(401));
            }
        }
    }
}

#[test]
fn a_key_has_a_bounded_number_of_names() {
    let mut store = Store::new(true);
    let mut set = |names: usize| {
        let path = "/d".repeat(names);
        store.apply(&path, &Operation::Set(Write::default()), Duration::ZERO)
    };
    assert_eq!(set(30_000).map_err(|error| error.code), Err(209));
    assert_eq!(set(256).map_err(|error| error.code), Err(209));
    assert_eq!(set(255).map(|made| made.node.created), Ok(1));
    let all = Operation::Get { recursive: true };
    let tree = store.apply("/", &all, Duration::ZERO).expect("the root is there").node;
    let mut deepest = &tree;
    while let Some(node) = deepest.nodes.first() {
        deepest = node;
    }
    assert_eq!(deepest.key.len(), 2 * 255);
}
