//! Writes what each target begins with to `corpus/TARGET`, and names the targets.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for target in etcd_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (nth, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{nth:04}")), seed)?;
        }
        println!("{}", target.name);
    }
    Ok(())
}
