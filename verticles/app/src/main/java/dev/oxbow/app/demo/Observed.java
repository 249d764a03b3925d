package dev.oxbow.app.demo;

import dev.oxbow.app.demo.client.Event;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What was seen while the scenario was played; filled in as it goes. One thread. */
final class Observed {
  /** Web files by the path that they are asked for with. */
  final Map<String, WebFile> files = new HashMap<>();

  /** Relays alive when the forwarder was killed. */
  Set<String> relaysAtKill = new HashSet<>();

  /** Those of them that ended while there was no forwarder. */
  Set<String> endedAlone = new HashSet<>();

  /** Bytes that clients sent and received while there was no forwarder. */
  long bytesAlone;

  /** Requests that were answered while there was no forwarder. */
  int answersAlone;

  /** How long there was none. */
  long aloneMs;

  /** What the relay of the slow reader had moved when the reader had taken so much. */
  long slowMovedBytes;

  long slowTakenBytes;

  /** Descriptors of the service before the first connection and after the last. */
  Map<String, Integer> descriptorsBefore = Map.of();

  Map<String, Integer> descriptorsAfter = Map.of();

  long residentBefore;
  long residentPeak;
  int relaysLeft;

  /** The last event of each task, and of curl. */
  Map<String, Event> ends = Map.of();

  /** Hashes of uploaded files as the origin has them, by the task that uploaded. */
  final Map<String, String> uploaded = new HashMap<>();

  List<AccessLine> linesOfFirst = List.of();
  List<AccessLine> linesOfSecond = List.of();
  boolean forwarderStopped;
  boolean serviceStopped;

  /** What became of each upgrade, in order; the last one but one was to fail. */
  final List<Upgrade> upgrades = new ArrayList<>();

  /** What came of the gateway; null where the machine has not what it takes. */
  GatewayAct.@Nullable Outcome gateway;

  /** What came of packets that are not TCP; null where the machine has not what it takes. */
  @Nullable EgressOutcome egress;

  /** Connections that were made while service and forwarder were replaced. */
  int connectionsDuringUpgrades;
}
