//! Values, and conditions on what stands there.

use anyhow::{bail, ensure};
use etcd_client::ErrorKind;
use etcd_client::session::SetOptions;

use super::place::Place;
use super::wording::Wording;

pub(super) async fn show(place: &Place, says: &Wording<'_>) -> anyhow::Result<()> {
    let session = &place.session;
    let key = place.key("fruit/apple");
    let index = session.set(&key, "red").await?;
    says.saw(&format!("set {key} to \"red\": index {index}"))?;
    let entry = session.get(&key).await?;
    ensure!(entry.value == "red", "{key} holds {:?}, and was set to \"red\"", entry.value);
    ensure!(entry.index == index, "{key} has index {}, and set said {index}", entry.index);
    says.saw(&format!("get {key}: \"red\", changed at index {}", entry.index))?;
    session.set(&place.key("fruit/pear"), "green").await?;
    let listed = session.list(&place.key("fruit")).await?;
    let keys = listed.iter().map(|listed| listed.key.to_string()).collect::<Vec<_>>();
    let due = [key, place.key("fruit/pear")];
    ensure!(keys == due, "the list is {keys:?}, and ought to be {due:?}");
    says.saw(&format!("list {}: {}", place.key("fruit"), keys.join(", ")))?;
    Ok(())
}

pub(super) async fn condition(place: &Place, says: &Wording<'_>) -> anyhow::Result<()> {
    let session = &place.session;
    let key = place.key("fruit/apple");
    let if_blue = SetOptions::new().previous("blue");
    let Err(error) = session.set_with(&key, "rotten", &if_blue).await else {
        bail!("{key} was written, though it did not hold \"blue\"");
    };
    let ErrorKind::PreconditionFailed { .. } = error.kind() else { return Err(error.into()) };
    says.saw(&format!("set {key} to \"rotten\" if it is \"blue\": {error}"))?;
    let value = session.get(&key).await?.value;
    ensure!(value == "red", "{key} holds {value:?} after a write that was refused");
    says.saw(&format!("{key} is still \"red\""))?;
    let index = session.set_with(&key, "ripe", &SetOptions::new().previous("red")).await?;
    says.saw(&format!("set {key} to \"ripe\" if it is \"red\": index {index}"))?;
    Ok(())
}
