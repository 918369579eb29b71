//! The pages that a range is read in, all at one revision: pure.

use bytes::Bytes;
use etcd_proto::ids::Revision;
use etcd_proto::key::KeyRange;
use etcd_proto::v3::{KeyValue, RangeRequest, RangeResponse, SortOrder, SortTarget};

/// How many keys the first page holds at most. Were each as large as a server takes, they would
/// still fit into a reply.
const FIRST: u64 = 32;
/// How many keys a page holds at most.
const MOST: u64 = 16_384;
/// How many bytes a page is to hold.
const BYTES: u64 = 1 << 20;
/// By how much a page may be larger than the one before.
const GROWTH: u64 = 8;
/// What a key holds beside its name and value, in bytes.
const OVERHEAD: u64 = 24;
/// The end of a range that goes on to the last key; and what makes a key the next one.
const TO_THE_END: &[u8] = b"\0";

/// What is known of a range that is being read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The revision that it is read at.
    pub(super) revision: Option<Revision>,
    /// How many keys it holds, whatever the limit.
    pub(super) count: Option<u64>,
    /// Whether the limit kept keys back.
    pub(super) more: bool,
}

/// A range that is being read page by page.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    /// What is left to read; with a revision as soon as one is known.
    left: RangeRequest,
    /// How many keys may still come; nothing for all.
    most: Option<u64>,
    /// How many keys the next page may hold.
    page: u64,
    known: Known,
    ended: bool,
}

/// What a server may not answer, in words.
pub(super) type Odd = &'static str;

impl Pages {
    /// Nothing has been read yet.
    ///
    /// # Errors
    ///
    /// For an order that pages cannot be read in.
    pub(super) fn new(request: RangeRequest) -> Result<Self, Odd> {
        if request.sort_target() != SortTarget::KEY {
            return Err("a range comes in pieces by key only; await it for another order");
        }
        let most = u64::try_from(request.limit).ok().filter(|&most| most > 0);
        let left = RangeRequest { limit: 0, ..request };
        Ok(Self { left, most, page: FIRST, known: Known::default(), ended: false })
    }

    pub(super) fn known(&self) -> Known {
        self.known
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// What to ask for the next page.
    pub(super) fn request(&self) -> RangeRequest {
        let page = match self.is_whole() {
            true => self.most,
            false => Some(self.most.map_or(self.page, |most| most.min(self.page))),
        };
        self.left.clone().limit(page.unwrap_or(0))
    }

    /// What to ask for all that is left as a stream; nothing where a server refuses that, or
    /// before the revision is known.
    pub(super) fn stream(&self) -> Option<RangeRequest> {
        let left = &self.left;
        let filters = [
            left.min_mod_revision,
            left.max_mod_revision,
            left.min_create_revision,
            left.max_create_revision,
        ];
        let may = self.known.revision.is_some()
            && !self.ended
            && !self.is_whole()
            && matches!(left.sort_order(), SortOrder::NONE | SortOrder::ASCEND)
            && filters == [0; 4];
        may.then(|| left.clone().limit(self.most.unwrap_or(0)))
    }

    /// Takes the reply to [`request`](Self::request).
    pub(super) fn page(&mut self, reply: RangeResponse) -> Result<Vec<KeyValue>, Odd> {
        if self.known.revision.is_none() {
            self.pin(&reply);
        }
        self.fit(&reply.kvs);
        self.advance(reply.kvs, reply.more)
    }

    /// Takes a piece of the stream that [`stream`](Self::stream) asked for. Only the last one has
    /// a header.
    pub(super) fn chunk(&mut self, reply: RangeResponse) -> Result<Vec<KeyValue>, Odd> {
        let more = reply.header.is_none() || reply.more;
        self.advance(reply.kvs, more)
    }

    /// Has the next page hold fewer keys, after one that was too large; whether it can.
    pub(super) fn shrink(&mut self) -> bool {
        let can = !self.is_whole() && self.page > 1;
        self.page = (self.page / 4).max(1);
        can
    }

    /// Has members answer only when they have reached the revision, after one that had not;
    /// whether that is a change.
    pub(super) fn wait_for_revision(&mut self) -> bool {
        self.known.revision.is_some() && std::mem::take(&mut self.left.serializable)
    }

    /// Whether one reply brings all: the number of keys, or one key.
    fn is_whole(&self) -> bool {
        self.left.count_only || self.left.range_end.is_empty()
    }

    /// From now on everything is read at the revision of this, the first reply.
    fn pin(&mut self, reply: &RangeResponse) {
        if self.left.revision <= 0 {
            self.left.revision = reply.revision().0;
        }
        self.known.revision = Some(Revision(self.left.revision));
        self.known.count = u64::try_from(reply.count).ok();
    }

    /// Goes on behind these keys; an answer that cannot be changes nothing.
    fn advance(&mut self, mut kvs: Vec<KeyValue>, more: bool) -> Result<Vec<KeyValue>, Odd> {
        let fit = self.most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let more = more || kvs.len() > fit;
        kvs.truncate(fit);
        let most = self.most.map(|most| most - kvs.len() as u64);
        if !more || self.is_whole() || most == Some(0) {
            (self.ended, self.known.more) = (true, more);
            return Ok(kvs);
        }
        if self.left.revision <= 0 {
            return Err("the server did not say which revision it read");
        }
        let last = kvs.last().ok_or("the server answered no key, and that there are more")?;
        let rest = without(&self.left, &last.key);
        self.left = rest.ok_or("the server answered a key that was not asked for")?;
        self.most = most;
        Ok(kvs)
    }

    /// Fits the size of the next page to what this one held.
    fn fit(&mut self, kvs: &[KeyValue]) {
        let size = |entry: &KeyValue| (entry.key.len() + entry.value.len()) as u64 + OVERHEAD;
        let bytes: u64 = kvs.iter().map(size).sum();
        if let Some(each) = bytes.checked_div(kvs.len() as u64) {
            let most = self.page.saturating_mul(GROWTH).min(MOST);
            self.page = (BYTES / each.max(1)).clamp(1, most);
        }
    }
}

/// What is left of a range after this key, in its order. It is always less: nothing where the key
/// is none of the range, or the last that it can have.
fn without(left: &RangeRequest, last: &Bytes) -> Option<RangeRequest> {
    let KeyRange { key, range_end } = left.range();
    if !left.range().contains(last) {
        return None;
    }
    let mut rest = left.clone();
    match left.sort_order() {
        SortOrder::DESCEND if *last > key => rest.range_end = last.clone(),
        SortOrder::DESCEND => return None,
        _ => rest.key = [last, TO_THE_END].concat().into(),
    }
    (range_end == TO_THE_END || rest.key < rest.range_end).then_some(rest)
}

#[cfg(test)]
mod tests {
    use etcd_proto::v3::ResponseHeader;
    use proptest::prelude::*;

    use super::*;

    fn entry(key: &[u8]) -> KeyValue {
        KeyValue { key: Bytes::copy_from_slice(key), ..KeyValue::default() }
    }

    fn header(revision: i64) -> Option<ResponseHeader> {
        Some(ResponseHeader { revision, ..ResponseHeader::default() })
    }

    /// What an etcd with these keys, which are the same in revisions 7 and 9, answers.
    fn answer(store: &[Vec<u8>], request: &RangeRequest) -> RangeResponse {
        assert!(matches!(request.revision, 0 | 7 | 9));
        let mut found: Vec<_> = store
            .iter()
            .filter(|key| request.range().contains(key))
            .map(|key| entry(key))
            .collect();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        if request.sort_order() == SortOrder::DESCEND {
            found.reverse();
        }
        let (count, mut more) = (found.len() as i64, false);
        if request.limit > 0 && count > request.limit {
            found.truncate(request.limit as usize);
            more = true;
        }
        if request.count_only {
            found.clear();
        }
        RangeResponse { header: header(9), kvs: found, more, count }
    }

    /// The pieces in which an etcd streams the same, each of so many keys.
    fn pieces(store: &[Vec<u8>], request: &RangeRequest, size: usize) -> Vec<RangeResponse> {
        let whole = answer(store, request);
        let mut pieces: Vec<_> = whole
            .kvs
            .chunks(size)
            .map(|kvs| RangeResponse { kvs: kvs.to_vec(), ..RangeResponse::default() })
            .collect();
        if pieces.is_empty() {
            pieces.push(RangeResponse::default());
        }
        let last = pieces.last_mut().expect("one at least");
        (last.header, last.more, last.count) = (whole.header, whole.more, whole.count);
        pieces
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(b'a'), Just(0xff)];
        proptest::collection::vec(byte, 0..4)
    }

    fn requests() -> impl Strategy<Value = RangeRequest> {
        let range = prop_oneof![
            bytes().prop_map(KeyRange::one),
            bytes().prop_map(KeyRange::prefix),
            bytes().prop_map(KeyRange::from_key),
            Just(KeyRange::all()),
            (bytes(), bytes()).prop_map(|(from, to)| KeyRange::between(from, to)),
        ];
        let order =
            prop_oneof![Just(SortOrder::NONE), Just(SortOrder::ASCEND), Just(SortOrder::DESCEND)];
        let revision = prop_oneof![Just(0), Just(7)];
        (range, order, 0u64..40, revision, prop::bool::weighted(0.1)).prop_map(
            |(range, order, limit, revision, count_only)| RangeRequest {
                count_only,
                ..RangeRequest::new(range)
                    .sort(SortTarget::KEY, order)
                    .limit(limit)
                    .revision(revision)
            },
        )
    }

    fn stores() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let keys = proptest::collection::btree_set(bytes(), 0..80);
        keys.prop_map(|keys| keys.into_iter().filter(|key| !key.is_empty()).collect())
    }

    proptest! {
        /// Whatever the range, its pages and the pieces of a stream that is cut anywhere are
        /// together what one reply would have been.
        #[test]
        fn pages_and_pieces_make_the_whole(
            store in stores(),
            request in requests(),
            sizes in proptest::collection::vec(1u64..9, 1..9),
            piece in 1usize..9,
            cut in proptest::option::of(0usize..9),
        ) {
            let whole = answer(&store, &request);
            let mut pages = Pages::new(request.clone()).expect("an order of keys");
            let (mut found, mut sizes) = (Vec::new(), sizes.into_iter().cycle());
            while !pages.has_ended() {
                if let (Some(stream), Some(cut)) = (pages.stream(), cut) {
                    prop_assert_ne!(stream.revision, 0);
                    for piece in pieces(&store, &stream, piece).into_iter().take(cut) {
                        found.extend(pages.chunk(piece).expect("a piece"));
                    }
                    if pages.has_ended() {
                        break;
                    }
                }
                pages.page = sizes.next().expect("a cycle");
                let reply = answer(&store, &pages.request());
                found.extend(pages.page(reply).expect("a page"));
            }
            prop_assert_eq!(found, whole.kvs);
            let Known { revision, count, more } = pages.known();
            prop_assert_eq!(count, Some(whole.count as u64));
            prop_assert_eq!(revision, Some(Revision(if request.revision == 0 { 9 } else { 7 })));
            prop_assert_eq!(more, whole.more);
        }

        /// Whatever a server answers, what is left becomes less or the range ends.
        #[test]
        fn no_answer_leads_in_a_circle(
            request in requests(),
            replies in proptest::collection::vec(
                (proptest::collection::vec(bytes(), 0..4), any::<bool>(), any::<bool>()), 0..20),
        ) {
            let mut pages = Pages::new(request).expect("an order of keys");
            for (keys, more, whole) in replies {
                if pages.has_ended() {
                    break;
                }
                let before = pages.left.range();
                let kvs = keys.iter().map(|key| entry(key)).collect();
                let reply = RangeResponse { header: header(7).filter(|_| whole), kvs, more, count: -1 };
                if pages.page(reply).is_err() {
                    break;
                }
                let after = pages.left.range();
                let smaller = after.key > before.key
                    || (after.range_end < before.range_end && after.range_end != TO_THE_END)
                    || (before.range_end == TO_THE_END && after.range_end != before.range_end);
                prop_assert!(pages.has_ended() || smaller, "{:?} {:?}", before, after);
            }
        }
    }

    #[test]
    fn the_number_of_keys_and_one_key_are_no_pages() {
        let one = Pages::new(RangeRequest::new("a").limit(9)).expect("an order");
        assert_eq!((one.request().limit, one.stream()), (9, None));
        let mut number = Pages::new(RangeRequest::new(KeyRange::all()).count_only()).expect("ok");
        assert_eq!(number.request().limit, 0);
        let reply = RangeResponse { header: header(3), count: 5, ..RangeResponse::default() };
        assert_eq!(number.page(reply), Ok(Vec::new()));
        assert!(number.has_ended() && !number.shrink());
        assert_eq!(number.known().count, Some(5));
    }

    #[test]
    fn only_keys_can_be_the_order() {
        for (target, order) in [(SortTarget::MOD, SortOrder::NONE), (SortTarget(9), SortOrder(9))] {
            let request = RangeRequest::new(KeyRange::all()).sort(target, order);
            assert!(Pages::new(request).is_err());
        }
    }

    #[test]
    fn what_a_server_streams_is_asked_for_as_a_stream() {
        let begun = |request: RangeRequest| {
            let mut pages = Pages::new(request).expect("an order");
            assert_eq!(pages.stream(), None, "the revision is not known yet");
            let kvs = vec![entry(b"m")];
            let reply = RangeResponse { header: header(7), kvs, more: true, count: 9 };
            pages.page(reply).expect("a page");
            pages
        };
        let all = || RangeRequest::new(KeyRange::all());
        let stream = begun(all().limit(5).keys_only()).stream().expect("a stream");
        let expected =
            RangeRequest::new(KeyRange::from_key("m\0")).limit(4).revision(7).keys_only();
        assert_eq!(stream, expected);
        assert_eq!(begun(all().sort(SortTarget::KEY, SortOrder::DESCEND)).stream(), None);
        assert_eq!(begun(all().min_mod_revision(1)).stream(), None);
        assert_eq!(begun(all().max_create_revision(1)).stream(), None);
    }

    #[test]
    fn an_answer_that_cannot_be_changes_nothing() {
        let mut pages = Pages::new(RangeRequest::new(KeyRange::prefix("k")).limit(9)).expect("ok");
        let reply = |keys: &[&[u8]], more| RangeResponse {
            header: header(7),
            kvs: keys.iter().map(|key| entry(key)).collect(),
            more,
            count: 9,
        };
        pages.page(reply(&[b"k1", b"k2"], true)).expect("a page");
        let before = pages.request();
        for odd in [reply(&[], true), reply(&[b"k3", b"k1"], true), reply(&[b"l"], true)] {
            pages.page(odd.clone()).expect_err("it cannot be");
            pages.chunk(RangeResponse { header: None, ..odd }).expect_err("it cannot be");
            let RangeRequest { limit, key, .. } = pages.stream().expect("it goes on");
            assert_eq!((limit, &key, pages.has_ended()), (7, &before.key, false));
        }
        assert_eq!(pages.page(reply(&[b"k3"], false)).map(|kvs| kvs.len()), Ok(1));
        assert!(pages.has_ended());
    }

    #[test]
    fn pages_fit_what_the_keys_hold() {
        let mut pages = Pages::new(RangeRequest::new(KeyRange::all())).expect("an order");
        let sized =
            |key: &[u8], size: usize| KeyValue { value: vec![0; size].into(), ..entry(key) };
        let reply = |kvs| RangeResponse { header: header(7), kvs, more: true, count: 9 };
        assert_eq!(pages.request().limit, FIRST as i64);
        pages.page(reply(vec![sized(b"a", 40)])).expect("a page");
        assert_eq!(pages.request().limit, (FIRST * GROWTH) as i64);
        pages.page(reply(vec![sized(b"b", 1 << 19)])).expect("a page");
        assert_eq!(pages.request().limit, 1);
        assert!(!pages.shrink());
        pages.page(reply(vec![sized(b"c", 0)])).expect("a page");
        assert_eq!(pages.request().limit, GROWTH as i64);
        assert!(pages.shrink());
        assert_eq!(pages.request().limit, 2);
    }

    #[test]
    fn a_member_that_lags_is_asked_to_wait_once_the_revision_is_known() {
        let mut pages = Pages::new(RangeRequest::new(KeyRange::all()).serializable()).expect("ok");
        assert!(!pages.wait_for_revision() && pages.request().serializable);
        let kvs = vec![entry(b"m")];
        let reply = RangeResponse { header: header(7), kvs, more: true, count: 9 };
        pages.page(reply).expect("a page");
        assert!(pages.request().serializable);
        assert!(pages.wait_for_revision() && !pages.request().serializable);
        assert!(!pages.wait_for_revision());
    }
}
