//! Files of the hub, from servers that behave and servers that do not.

mod fetch;
mod server;
