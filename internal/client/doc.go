// Package client is what a program needs to use the service: a live mirror of
// its objects as model values, a method for each method of the API, and
// statistics. It knows nothing of user interfaces.
//
// # The mirror
//
// Connect asks for the signals of the service first, and then for all its
// objects. The service's answer is never older than the signals that it sent
// before, and both arrive in order: so signals before the answer are in it
// already, and those after it are applied one by one. When the name of the
// service changes hands everything is read again, and only what differs is
// published.
//
// While the service is gone its hosts, VMs, networks and pools stay in the
// mirror as they were last seen; Status says that they are stale. Its jobs
// ended with it and are removed.
//
// # Order and backpressure
//
// A method returns after the mirror has seen every change that the service
// announced before its reply. A Subscription gets changes in batches, each of
// which leads from one moment of the mirror to a later one. What a slow
// subscriber has not fetched is merged: at most one change for each object,
// from the oldest value that it has not left behind to the newest. Nobody
// waits for a subscriber.
//
// Values are never changed after they were published; whoever has one may keep
// it.
package client
