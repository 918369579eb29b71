//! Certificates that are good, and more than thirty that are not: nothing is asked of who shows one.

use etcd_transport::Tls;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, NameConstraints, SanType, date_time_ymd,
};
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::authority::{Signed, authority, client, named, self_signed, server};
use crate::server::{Server, Terms};
use crate::{channel, version, why};

const HERE: &[&str] = &["127.0.0.1"];

/// Servers whose certificates are all right but for what each case says.
struct Cases {
    root: Signed,
    tried: usize,
}

impl Cases {
    async fn answer(
        &self,
        chain: &[CertificateDer<'static>],
        key: &[u8],
        host: &str,
    ) -> Option<String> {
        let server = Server::start(chain.to_vec(), key, Terms::default()).await;
        let mut tls = Tls::new().ca_pem(self.root.pem());
        if !host.is_empty() {
            tls = tls.server_name(host);
        }
        let answer = version(&channel(&server.url(), tls)).await;
        assert_eq!(server.asked() > 0, answer.is_ok(), "a byte of a request left: {answer:?}");
        answer.err().map(|error| why(&error))
    }

    async fn good(&mut self, what: &str, chain: &[&Signed], host: &str) {
        self.tried += 1;
        let shown: Vec<_> = chain.iter().map(|one| one.der()).collect();
        let refused = self.answer(&shown, chain[0].key.serialized_der(), host).await;
        assert_eq!(refused, None, "{what}");
    }

    async fn bad(&mut self, what: &str, chain: &[&Signed], host: &str, said: &str) {
        self.tried += 1;
        let shown: Vec<_> = chain.iter().map(|one| one.der()).collect();
        let refused = self.answer(&shown, chain[0].key.serialized_der(), host).await;
        let refused = refused.unwrap_or_else(|| panic!("{what}: it was trusted"));
        assert!(refused.contains(said), "{what}: {refused}");
    }

    /// A server's certificate of the root, changed.
    async fn bad_leaf(
        &mut self,
        what: &str,
        said: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = server(HERE);
        change(&mut params);
        let leaf = self.root.signs(params);
        self.bad(what, &[&leaf], "", said).await;
    }

    /// A server's certificate of an authority between it and the root, which is changed.
    async fn bad_middle(
        &mut self,
        what: &str,
        said: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = authority("middle");
        change(&mut params);
        let middle = self.root.signs(params);
        let leaf = middle.signs(server(&["127.0.0.1", "localhost"]));
        self.bad(what, &[&leaf, &middle], "", said).await;
    }
}

fn permits(subtree: GeneralSubtree) -> Option<NameConstraints> {
    Some(NameConstraints { permitted_subtrees: vec![subtree], excluded_subtrees: Vec::new() })
}

fn excludes(subtree: GeneralSubtree) -> Option<NameConstraints> {
    Some(NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: vec![subtree] })
}

fn cases() -> Cases {
    Cases { root: self_signed(authority("root")), tried: 0 }
}

#[tokio::test]
async fn good_ones_are_trusted() {
    let mut cases = cases();
    let leaf = cases.root.signs(server(HERE));
    cases.good("an address", &[&leaf], "").await;
    let middle = cases.root.signs(authority("middle"));
    let below = middle.signs(server(HERE));
    cases.good("an authority between", &[&below, &middle], "").await;
    let named = cases.root.signs(server(&["etcd.example", "*.cluster.example"]));
    cases.good("a name", &[&named], "etcd.example").await;
    cases.good("a wildcard", &[&named], "a.cluster.example").await;
    let mut params = authority("within 127.0.0.0/8");
    params.name_constraints =
        permits(GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)));
    let middle = cases.root.signs(params);
    let below = middle.signs(server(HERE));
    cases.good("an address within what is permitted", &[&below, &middle], "").await;
}

#[tokio::test]
async fn bad_ones_are_refused_before_anything_is_asked() {
    let mut cases = cases();
    times(&mut cases).await;
    names(&mut cases).await;
    uses(&mut cases).await;
    authorities(&mut cases).await;
    constraints(&mut cases).await;
    forgeries(&mut cases).await;
    assert!(cases.tried >= 30, "{}", cases.tried);
}

async fn times(cases: &mut Cases) {
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(2070, 1, 1);
    let backwards = |params: &mut CertificateParams| {
        (params.not_before, params.not_after) =
            (date_time_ymd(2030, 1, 1), date_time_ymd(2020, 1, 1));
    };
    cases.bad_leaf("expired", "expired", expired).await;
    cases.bad_leaf("not yet valid", "not valid yet", future).await;
    cases.bad_leaf("ends before it begins", "certificate", backwards).await;
    cases.bad_middle("an authority that expired", "expired", expired).await;
    cases.bad_middle("an authority not yet valid", "not valid yet", future).await;
}

async fn names(cases: &mut Cases) {
    let not_for = "is not for";
    for (what, names, host) in [
        ("another name", &["other.example"][..], "etcd.example"),
        ("another address", &["127.0.0.2"], ""),
        ("an address of the other family", &["::1"], ""),
        ("a name, reached by address", &["localhost"], ""),
        ("an address, reached by name", HERE, "localhost"),
        ("a wildcard of a level too few", &["*.example"], "a.b.example"),
        ("a wildcard for what is below", &["*.etcd.example"], "etcd.example"),
        ("a name that ends like it", &["example"], "etcd.example"),
        ("a name that begins like it", &["etcd.example.org"], "etcd.example"),
        ("no name at all", &[], ""),
    ] {
        let leaf = cases.root.signs(server(names));
        cases.bad(what, &[&leaf], host, not_for).await;
    }
    let mut params = server(&[]);
    params.subject_alt_names = vec![SanType::DnsName("127.0.0.1".try_into().unwrap())];
    let leaf = cases.root.signs(params);
    cases.bad("an address written as a name", &[&leaf], "", "certificate").await;
    for name in ["127.0.0.1", "etcd.example"] {
        let mut params = named(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = cases.root.signs(params);
        let host = if name.starts_with('1') { "" } else { name };
        cases.bad("a common name alone", &[&leaf], host, not_for).await;
    }
    cases
        .bad_leaf("an address of mail alone", not_for, |params| {
            params.subject_alt_names =
                vec![SanType::Rfc822Name("root@127.0.0.1".try_into().unwrap())];
        })
        .await;
}

async fn uses(cases: &mut Cases) {
    for purpose in [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::CodeSigning] {
        cases
            .bad_leaf("for another use", "not one for servers", |params| {
                params.extended_key_usages = vec![purpose];
            })
            .await;
    }
    cases
        .bad_leaf("an authority as a server", "certificate", |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        })
        .await;
    cases
        .bad_leaf("something critical that nobody knows", "certificate", |params| {
            let mut unknown =
                CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
            unknown.set_criticality(true);
            params.custom_extensions.push(unknown);
        })
        .await;
}

async fn authorities(cases: &mut Cases) {
    let unknown = "not trusted";
    let alone = self_signed(server(HERE));
    cases.bad("self-signed", &[&alone], "", "certificate").await;
    let other = self_signed(authority("other"));
    let leaf = other.signs(server(HERE));
    cases.bad("an unknown authority", &[&leaf], "", unknown).await;
    cases.bad("an unknown authority that is shown", &[&leaf, &other], "", unknown).await;
    let namesake = self_signed(authority("root"));
    let leaf = namesake.signs(server(HERE));
    cases.bad("an authority of the same name", &[&leaf, &namesake], "", "certificate").await;
    let middle = cases.root.signs(authority("middle"));
    let leaf = middle.signs(server(HERE));
    cases.bad("the authority between is missing", &[&leaf], "", unknown).await;
    let beside = cases.root.signs(authority("beside"));
    cases.bad("another authority is shown", &[&leaf, &beside], "", unknown).await;
    cases.bad_middle("no authority", "certificate", |params| params.is_ca = IsCa::NoCa).await;
    cases
        .bad_middle("expressly no authority", "certificate", |params| {
            params.is_ca = IsCa::ExplicitNoCa
        })
        .await;
    let first = cases.root.signs(server(HERE));
    let second = first.signs(server(HERE));
    cases.bad("a server that signs", &[&second, &first], "", "certificate").await;
    let of_client = cases.root.signs(client("root"));
    let second = of_client.signs(server(HERE));
    cases.bad("a client that signs", &[&second, &of_client], "", "certificate").await;
}

async fn constraints(cases: &mut Cases) {
    let mut params = authority("last");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let last = cases.root.signs(params);
    let beyond = last.signs(authority("beyond"));
    let leaf = beyond.signs(server(HERE));
    cases.bad("a path too long", &[&leaf, &beyond, &last], "", "certificate").await;
    let subnet = |first| GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([first, 0, 0, 0], 8));
    let name = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    for (what, constraints) in [
        ("an address that is not permitted", permits(subnet(10))),
        ("an address that is excluded", excludes(subnet(127))),
        ("a name that is not permitted", permits(name("example"))),
        ("a name that is excluded", excludes(name("localhost"))),
    ] {
        cases.bad_middle(what, "certificate", |params| params.name_constraints = constraints).await;
    }
}

async fn forgeries(cases: &mut Cases) {
    let leaf = cases.root.signs(server(HERE));
    let mut forged = leaf.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let refused = cases.answer(&[forged.into()], leaf.key.serialized_der(), "").await;
    assert!(refused.expect("a signature of nobody").contains("certificate"));
    let other = cases.root.signs(server(HERE));
    let refused = cases.answer(&[leaf.der()], other.key.serialized_der(), "").await;
    assert!(refused.is_some(), "a certificate without its key");
    cases.tried += 2;
}
