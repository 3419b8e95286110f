//! Which connector a configured source or sink is of.

/// Makes a trait for `$on` with two guards a connector: whether a value is of it, and the value as what it is.
macro_rules! guards {
    ($(#[$of:meta])* $guards:ident for $on:ident { $($(#[$cfg:meta])* $is:ident $as:ident $type:path;)* }) => {
        $(#[$of])*
        pub trait $guards {
            $(
                $(#[$cfg])*
                #[doc = concat!("Whether this is a [`", stringify!($type), "`].")]
                fn $is(&self) -> bool;
                $(#[$cfg])*
                #[doc = concat!("The [`", stringify!($type), "`] that this is, if it is one.")]
                fn $as(&self) -> Option<&$type>;
            )*
        }

        impl $guards for dyn thyme_core::$on {
            $(
                $(#[$cfg])*
                fn $is(&self) -> bool {
                    self.$as().is_some()
                }
                $(#[$cfg])*
                fn $as(&self) -> Option<&$type> {
                    let any: &dyn std::any::Any = self;
                    any.downcast_ref()
                }
            )*
        }
    };
}

pub(crate) use guards;
