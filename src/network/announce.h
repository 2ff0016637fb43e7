#pragma once

/*
 * Tells the neighbours on a device that it is the way to an address from now on: a gratuitous ARP request, or an unsolicited
 * neighbour advertisement. Best effort: who misses it asks when its entry has grown old.
 */
void announce_address(int index, const char *address);

/*
 * The same for all addresses of a network namespace, through those of its interfaces that are up and have neighbours. For a
 * container that is on another host now: switches learn its port, before it says a word of its own.
 */
void announce_namespace(int netns_fd);
