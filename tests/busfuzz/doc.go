// Package busfuzz calls everything that a service offers on a message bus with
// hostile values, and judges what comes back.
//
// What there is to call it learns from the running service itself: the
// introspection, read recursively from "/". What a call may do it learns from
// the documentation in the introspection XML: a method for which a polkit
// action is documented must never succeed for a user without rights.
//
// A run is made of these parts, each in files of its own:
//
//   - the survey reads the tree, and collects words that mean something to the
//     service: paths, names, ids;
//   - the generator makes values of a signature, out of these words and a
//     dictionary of everything that has ever broken a parser;
//   - moves make calls of the values: with right and wrong types, in bursts,
//     without waiting for a reply, with descriptors that nobody asked for, from
//     callers that leave in the middle, and bytes that are no message;
//   - the oracle judges each answer;
//   - gauges compare what the process uses before and after.
//
// Every random choice comes from the seed. What a worker makes of its choices
// depends on the tree at that moment too, so a run with the same seed is
// similar, not equal; a violation names the call in full.
//
// The tests run it for a short while against the service in their own process,
// and in tests/system against the installed one. For longer:
//
//	go test -race ./tests/busfuzz -duration 60s -seed 7
//	./dev test ./tests/system/ -run HostileCallers -v -duration 60s
package busfuzz
