//! How a method without async is made of one with it.

/// Methods that run the asynchronous ones of the same names to their ends.
macro_rules! calls {
    ($of:ident: $($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $reply:ty;)*) => {
        impl $of {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                #[doc = concat!("As for [`", stringify!($name), "`](crate::v3::", stringify!($of), "::", stringify!($name), ") with async.")]
                pub fn $name(&self, $($argument: $type),*) -> Result<$reply, Error> {
                    self.pump.run(self.inner.$name($($argument),*))
                }
            )*
        }
    };
}
pub(super) use calls;

/// A stream as an iterator, which is fused: nothing follows an error.
macro_rules! iterates {
    ($of:ident, $item:ty) => {
        impl $of {
            /// The next item, when it comes within this time; nothing at the end too.
            ///
            /// Nothing is lost when the time is over.
            ///
            /// # Errors
            ///
            #[doc = concat!("As for `next` of [`", stringify!($of), "`](crate::v3::", stringify!($of), ") with async; nothing follows.")]
            pub fn next_within(&mut self, most: std::time::Duration) -> Result<Option<$item>, Error> {
                self.pump.next_within(most, self.inner.next())
            }
        }

        impl Iterator for $of {
            type Item = Result<$item, Error>;

            fn next(&mut self) -> Option<Self::Item> {
                self.pump.next(self.inner.next())
            }
        }
    };
}
pub(super) use iterates;
