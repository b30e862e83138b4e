//! Header values: examples of the RFCs, the getters, what holds for any bytes, and that what is
//! written is read back.

mod arbitrary;
mod corpora;
mod examples;
mod getters;
mod table;
mod tshark;
mod typed;
