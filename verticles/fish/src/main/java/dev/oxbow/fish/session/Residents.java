package dev.oxbow.fish.session;

import dev.oxbow.fish.ports.ClientTable;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which session an inner address belongs to, and who has how many connections. Loop thread only.
 */
final class Residents {

  private final ClientTable clients;
  private final Allowances allowances;
  private final @Nullable Session[] sessions;

  /** Of the uid whose client it is, also when the session is over. */
  private final @Nullable Allowance[] uids;

  /** Clients of one session, in a ring of numbers that begins in it; 0 for the end. */
  private final int[] after;

  private final int[] before;

  Residents(ClientTable clients, Allowances allowances) {
    this.clients = clients;
    this.allowances = allowances;
    this.uids = new Allowance[clients.capacity()];
    this.sessions = new Session[clients.capacity()];
    this.after = new int[clients.capacity()];
    this.before = new int[clients.capacity()];
  }

  /** What each uid may have. */
  Allowances allowances() {
    return allowances;
  }

  /** The number of a client of a session, a new one where needed; -1 when none is left. */
  int client(Session session, long high, long low) {
    int client = clients.find(session.id(), high, low);
    if (client < 0) {
      client = clients.add(session.id(), session.spec.owner().uid(), high, low);
      if (client >= 0) {
        link(client, session);
        uids[client] = session.uid;
      }
    }
    return client;
  }

  private void link(int client, Session session) {
    sessions[client] = session;
    before[client] = 0;
    after[client] = session.firstClient;
    before[session.firstClient] = client;
    session.firstClient = client;
  }

  private void unlink(int client) {
    Session session = sessions[client];
    if (session == null) {
      return;
    }
    sessions[client] = null;
    before[after[client]] = before[client];
    if (before[client] == 0) {
      session.firstClient = after[client];
    } else {
      after[before[client]] = after[client];
    }
  }

  /** The session of a client's number, or null. */
  @Nullable Session session(int client) {
    return sessions[client];
  }

  /** The number that a client has, or -1. */
  int find(Session session, long high, long low) {
    return clients.find(session.id(), high, low);
  }

  /** Takes a client's number back when it has no flow, resting ones included. */
  void removeIdle(int client) {
    if (clients.session(client) != 0 && clients.flows(client) == 0) {
      unlink(client);
      uids[client] = null;
      clients.remove(client);
    }
  }

  /** A client has one connection more or less. */
  void count(int client, int change) {
    Session session = sessions[client];
    if (session != null) {
      session.own.count(change);
    }
    Allowance uid = uids[client];
    if (uid != null) {
      uid.count(change);
    }
  }

  /** A session is over: its clients keep their numbers while their ports rest. */
  void leave(Session session) {
    for (int client = session.firstClient; client != 0; client = session.firstClient) {
      unlink(client);
      leave(client);
    }
  }

  /** Sessions that nobody has are over. */
  void leave(Set<Long> lost) {
    for (int client = 1; client < sessions.length; client++) {
      if (lost.contains(clients.session(client))) {
        leave(client);
      }
    }
  }

  private void leave(int client) {
    clients.leave(client);
    removeIdle(client);
  }

  /** The clients of a session that is lost are another's from here on. */
  void move(long lost, Session to) {
    for (int client = 1; client < sessions.length; client++) {
      if (clients.session(client) == lost) {
        clients.adopt(client, to.id());
        link(client, to);
        to.own.count(clients.flows(client));
      }
    }
  }

  /** Goes on from what the tables say: another process may have worked on them. */
  void rebuild(Collection<Session> live) {
    Map<Long, Session> byId = new HashMap<>();
    allowances.clear();
    for (Session session : live) {
      session.own.clear();
      session.firstClient = 0;
      byId.put(session.id(), session);
    }
    for (int client = 1; client < sessions.length; client++) {
      long id = clients.session(client);
      sessions[client] = null;
      uids[client] = id == 0 ? null : allowances.of(clients.uid(client));
      Session session = byId.get(id);
      if (session != null) {
        link(client, session);
      }
      count(client, clients.flows(client));
      removeIdle(client);
    }
  }
}
