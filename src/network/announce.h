#pragma once

/*
 * Tells the neighbours on a device that it is the way to an address from now on: a gratuitous ARP request, or an unsolicited
 * neighbour advertisement. Best effort: who misses it asks when its entry has grown old.
 */
void announce_address(int index, const char *address);
