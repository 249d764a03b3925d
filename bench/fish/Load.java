import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * Clients and server in one program, which is told what to do.
 *
 * <p>usage: java -cp oxbow.jar:CLASSES Load SERVER_NETNS SERVER_ADDRESS
 *
 * <p>A line of input is a load with the clients' namespace and numbers, a line of output what came
 * of it, as JSON. Where two threads are wanted, the main thread does what clients do, and what a
 * sender does; else it does all.
 */
public final class Load {
  private Load() {}

  public static void main(String[] args) throws IOException {
    Second second = new Second("load-second");
    Second numbered = new Second("load-numbered");
    Numbered packets = null;
    System.out.println("ready");
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.split(" ");
      try (Ends ends = new Ends(words[1], args[0], args[1])) {
        boolean two = words[2].equals("2");
        int first = Integer.parseInt(words[3]);
        switch (words[0]) {
          case "up", "down" -> {
            Rate rate = new Rate(ends, words[0].equals("up"));
            System.out.println(rate.run(first * 1_000_000L, two ? second : null));
          }
          case "awake", "asleep" -> {
            RoundTrips trips = new RoundTrips(ends);
            Second server = words[0].equals("asleep") ? second : null;
            System.out.println(trips.run(first, Integer.parseInt(words[4]), server));
          }
          case "udp-flows", "tcp-flows" -> {
            NewFlows flows = new NewFlows(ends, words[0].equals("tcp-flows"));
            System.out.println(flows.run(first * 1_000_000L, two ? second : null));
          }
          case "slice" ->
              System.out.println(new Slice(ends).run(first, Integer.parseInt(words[4])));
          case "begin" -> {
            packets = new Numbered(ends, first);
            numbered.begin(packets::run);
            System.out.println("{}");
          }
          case "end" -> {
            packets.end();
            numbered.await();
            System.out.println(packets.figures());
          }
          default -> throw new IllegalArgumentException(line);
        }
      }
    }
  }
}
