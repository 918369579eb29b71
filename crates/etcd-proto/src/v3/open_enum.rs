//! Enumerations of the wire that keep a number nobody has named yet.

/// A number with names: unlike an `enum`, it survives what a newer server says.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$about:meta])* $value:ident = $number:literal,)* }
    ) => {
        $(#[$meta])*
        ///
        /// A number without a name here is kept as it is.
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i32);

        impl $name {
            $($(#[$about])* pub const $value: Self = Self($number);)*

            /// What etcd calls it; nothing when the number has no name here.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($value)),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => self.0.fmt(f),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                Self(number)
            }
        }

        impl From<$name> for i32 {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

pub(super) use open_enum;
