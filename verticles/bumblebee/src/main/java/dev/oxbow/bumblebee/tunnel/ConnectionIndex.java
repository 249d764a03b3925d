package dev.oxbow.bumblebee.tunnel;

import java.security.SecureRandom;
import java.util.Arrays;

/**
 * The way to a group's records by address and port, and which of them are free. All of it follows
 * from the records, and is made anew from them whenever this process begins to work on the group: a
 * process that is killed cannot leave it half-changed. Open addressing with linear probing; the
 * secret in the hash keeps a client from choosing what collides. Loop thread only.
 */
final class ConnectionIndex {
  private static final int FIRST_SIZE = 64;
  private static final long SEED = new SecureRandom().nextLong();

  private final Connections table;
  private final int group;
  private final ConnectionKey key = new ConnectionKey();

  /** Place of a connection plus one, or 0; a power of two of them, at most half in use. */
  private int[] places = new int[FIRST_SIZE];

  /** Places below {@link #used} that are free, the last one first. */
  private int[] free = new int[FIRST_SIZE];

  private int freeCount;
  private int used;
  private int count;

  ConnectionIndex(Connections table, int group) {
    this.table = table;
    this.group = group;
  }

  /** Reads all records of the group. */
  void rebuild() {
    used = table.used(group);
    places = new int[FIRST_SIZE];
    freeCount = 0;
    count = 0;
    for (int connection = used - 1; connection >= 0; connection--) {
      int at = table.at(group, connection);
      if (table.id(at) == 0) {
        putFree(connection);
      } else {
        table.key(at, key);
        enter(connection, key.hash(SEED, table.slot(at)));
      }
    }
  }

  /** Connections in the table. */
  int count() {
    return count;
  }

  /** How many records of the group were ever used. */
  int used() {
    return used;
  }

  /** The place of a connection, or -1. */
  int find(int slot, ConnectionKey wanted) {
    int mask = places.length - 1;
    for (int i = wanted.hash(SEED, slot) & mask; places[i] != 0; i = i + 1 & mask) {
      int connection = places[i] - 1;
      if (table.matches(table.at(group, connection), slot, wanted)) {
        return connection;
      }
    }
    return -1;
  }

  /** Makes a record for a connection that has none; its place, or -1 when there is no room. */
  int add(int slot, ConnectionKey wanted, long now) {
    int connection;
    if (freeCount > 0) {
      connection = free[--freeCount];
    } else if (used < table.perGroup()) {
      connection = used++;
      table.used(group, used);
    } else {
      return -1;
    }
    table.begin(group, table.at(group, connection), slot, wanted, now);
    enter(connection, wanted.hash(SEED, slot));
    return connection;
  }

  /** Frees a record. */
  void remove(int connection) {
    int at = table.at(group, connection);
    table.key(at, key);
    int mask = places.length - 1;
    int hole = key.hash(SEED, table.slot(at)) & mask;
    while (places[hole] != connection + 1) {
      hole = hole + 1 & mask;
    }
    closeGap(hole);
    table.clear(at);
    putFree(connection);
    count--;
  }

  /** Moves up what could not be found any more across an empty place. */
  private void closeGap(int emptied) {
    int mask = places.length - 1;
    int hole = emptied;
    for (int i = hole + 1 & mask; places[i] != 0; i = i + 1 & mask) {
      int at = table.at(group, places[i] - 1);
      table.key(at, key);
      int home = key.hash(SEED, table.slot(at)) & mask;
      if ((i - home & mask) >= (i - hole & mask)) {
        places[hole] = places[i];
        hole = i;
      }
    }
    places[hole] = 0;
  }

  private void enter(int connection, int hash) {
    if (++count > places.length / 2) {
      grow();
    }
    put(connection, hash);
  }

  private void put(int connection, int hash) {
    int mask = places.length - 1;
    int i = hash & mask;
    while (places[i] != 0) {
      i = i + 1 & mask;
    }
    places[i] = connection + 1;
  }

  private void grow() {
    int[] old = places;
    places = new int[2 * old.length];
    for (int place : old) {
      if (place != 0) {
        int at = table.at(group, place - 1);
        table.key(at, key);
        put(place - 1, key.hash(SEED, table.slot(at)));
      }
    }
  }

  private void putFree(int connection) {
    if (freeCount == free.length) {
      free = Arrays.copyOf(free, 2 * free.length);
    }
    free[freeCount++] = connection;
  }
}
