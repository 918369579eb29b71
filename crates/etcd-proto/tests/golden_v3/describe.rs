//! Values as golden.txt tells them.

use bytes::Bytes;
use serde_json::Value;

pub(crate) trait Describe {
    fn describe(&self) -> Value;
}

macro_rules! as_json {
    ($($scalar:ty),*) => {
        $(impl Describe for $scalar {
            fn describe(&self) -> Value {
                self.clone().into()
            }
        })*
    };
}

as_json!(bool, i32, u32, i64, u64, String);

impl Describe for Bytes {
    fn describe(&self) -> Value {
        self.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
    }
}

impl<T: Describe> Describe for Option<T> {
    fn describe(&self) -> Value {
        self.as_ref().map_or(Value::Null, Describe::describe)
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn describe(&self) -> Value {
        self.iter().map(Describe::describe).collect()
    }
}
