//! A member that dies while calls go on.

use anyhow::ensure;
use etcd_client::Outcome;

use super::place::Place;
use super::wording::Wording;

const WRITES: usize = 300;
/// After so many writes the member dies.
const DIES_AT: usize = 100;

pub(super) async fn show(place: &Place, says: &Wording<'_>) -> anyhow::Result<()> {
    let (mut written, mut unknown) = (Vec::new(), 0);
    for number in 0..WRITES {
        if number == DIES_AT {
            let who = place.lose_a_member().await?;
            says.saw(&format!("{DIES_AT} values are written; {who} is stopped"))?;
        }
        match place.session.set(&numbered(place, number), number.to_string()).await {
            Ok(_) => written.push(number),
            // It was under way when the member died, and may be there or not: this is said, not
            // guessed.
            Err(error) if error.outcome() == Outcome::Unknown => unknown += 1,
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(unknown <= 1, "{unknown} writes ended with an unknown outcome, and one was under way");
    says.saw(&format!(
        "{} of {WRITES} writes succeeded, {unknown} with an outcome that nobody can know",
        written.len()
    ))?;
    for number in &written {
        let (key, due) = (numbered(place, *number), number.to_string());
        let value = place.session.get(&key).await?.value;
        ensure!(value == due, "{key} holds {value:?}, and {due} was acknowledged");
    }
    says.saw(&format!("all {} that were acknowledged are there", written.len()))?;
    Ok(())
}

fn numbered(place: &Place, number: usize) -> String {
    place.key(&format!("numbers/{number:03}"))
}
