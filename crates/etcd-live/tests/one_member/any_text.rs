//! Whatever text a v2 store can hold comes back as it was given.

use etcd_client::{Error, Session};
use etcd_live::etcd;

use super::{on_each_client, one_member};

/// One of each kind that a form, a URL, JSON or a terminal could spoil.
const TEXTS: &[&str] = &[
    " ",
    "  leading and trailing  ",
    "+&;%/?#=@:,$!*'()[]{}|\\^~`<>\"",
    "%41 %zz %",
    "a=b&c=d",
    "tab\tnewline\nreturn\r\nend",
    "nul\0escape\u{1b}[31mbell\u{7}delete\u{7f}",
    "ümläut ß ñ 漢字 עברית",
    "👩‍👩‍👧‍👦 🇦🇶",
    "\u{feff}bom \u{202e}turned \u{2028}line \u{fffd}replaced \u{ffff}",
    "null",
    "</script><!-- -->",
];

#[test]
fn values_come_back_as_they_were_given() {
    on_each_client(async |client| {
        let every: String = (0..=0x2ff).filter_map(char::from_u32).collect();
        let large = "0123456789abcde\n".repeat(1 << 16);
        let texts = TEXTS.iter().copied().chain(["", &every, &large]);
        for text in texts {
            let shown: String = text.chars().take(40).collect();
            client.set("/value", text).await?;
            let got = client.get("/value").await?.value;
            assert!(got.as_deref() == Some(text), "{shown:?} came back as {got:.60?}");
            client.compare_value_and_swap("/value", text, "next").await?;
            let removed = client.delete("/value").await?.previous.and_then(|node| node.value);
            assert_eq!(removed.as_deref(), Some("next"), "{shown:?}");
        }
        Ok(())
    });
}

#[test]
fn keys_come_back_as_they_were_given() {
    on_each_client(async |client| {
        for (number, text) in TEXTS.iter().enumerate() {
            let name = text.replace('/', "|");
            let key = format!("/keys/{name}");
            let set = client.set(&key, &number.to_string()).await?;
            assert_eq!(set.key, key);
            assert_eq!(client.get(&key).await?, set, "{key:?}");
            let listed = client.list("/keys").await?;
            assert_eq!(listed, [set], "{key:?}");
            client.delete(&key).await?;
        }
        Ok(())
    });
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_and_not_sent() -> Result<(), Error> {
    let (cluster, client) = one_member();
    let session = Session::open_with(&etcd::servers(&cluster), etcd::v2()).await?;
    let error = session.set("/a", b"ok\xff\xfe").await.expect_err("no text");
    assert_eq!(*error.kind(), etcd_client::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("byte 2"), "{error}");
    assert_eq!(client.get_opt("/a").await?, None);
    Ok(())
}
