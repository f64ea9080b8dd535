// Package polkittest plays polkit on a private bus, with answers that the test
// scripts and a record of what was asked.
//
// Like polkit it knows people and their passwords only through the answer: a
// rule that says Authenticate is a challenge to a check without interaction
// and a yes to one with it.
package polkittest
