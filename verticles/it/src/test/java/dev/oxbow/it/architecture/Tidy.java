package dev.oxbow.it.architecture;

import com.sun.source.tree.AnnotationTree;
import com.sun.source.tree.CatchTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MemberReferenceTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Looks at one source file; each complaint is a line {@code path:line: what}. */
final class Tidy {
  static final int FILE_LINES = 400;
  static final int TEST_FILE_LINES = 500;
  static final int METHOD_LINES = 60;
  static final int COLUMNS = 100;

  private static final Pattern LEFTOVER = Pattern.compile("\\b(T[O]DO|F[I]XME|X{3}|H[A]CK)\\b");
  private static final Pattern SLEEP =
      Pattern.compile("(.*\\.)?(Thread|[A-Z]*SECONDS|MINUTES)\\.sleep");
  private static final Pattern LEAK_CHECK =
      Pattern.compile("(?m)^@(DescriptorLeaks$|ExtendWith\\(.*\\bDescriptorLeakExtension\\.class)");
  private static final Pattern PARENT = Pattern.compile("\\bclass \\w+ extends (\\w+)");
  private static final Pattern MAY_BE_LONG = Pattern.compile("^import |\\w+://");

  private final String path;
  private final String source;
  private final List<String> complaints = new ArrayList<>();

  private Tidy(String path, String source) {
    this.path = path;
    this.source = source;
  }

  /** Rules for Java: size, shape, and what must not be written. */
  static List<String> java(String path, String source) {
    Tidy tidy = new Tidy(path, source);
    tidy.checkSize();
    tidy.checkLines();
    tidy.checkTree();
    return tidy.complaints;
  }

  /** Rules for any text: nothing left over. */
  static List<String> text(String path, String source) {
    Tidy tidy = new Tidy(path, source);
    tidy.checkLeftovers();
    return tidy.complaints;
  }

  /**
   * Test classes that do not look whether descriptors leak, neither themselves nor through a class
   * that they or the classes in them extend.
   *
   * @param sources of all classes, by their simple names
   */
  static List<String> withoutLeakCheck(Map<String, String> sources) {
    return sources.keySet().stream()
        .filter(name -> name.endsWith("Test") && !checksLeaks(name, sources))
        .sorted()
        .toList();
  }

  private static boolean checksLeaks(String name, Map<String, String> sources) {
    String source = sources.getOrDefault(name, "");
    return LEAK_CHECK.matcher(source).find()
        || PARENT.matcher(source).results().anyMatch(m -> checksLeaks(m.group(1), sources));
  }

  private void checkSize() {
    int limit = path.contains("src/test/") ? TEST_FILE_LINES : FILE_LINES;
    int count = (int) source.lines().count();
    if (count >= limit) {
      complain(count, "a file has fewer than " + limit + " lines");
    }
  }

  private void checkLines() {
    checkLeftovers();
    List<String> lines = source.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.length() > COLUMNS && !MAY_BE_LONG.matcher(line).find()) {
        complain(i + 1, "longer than " + COLUMNS + " columns");
      }
    }
  }

  private void checkLeftovers() {
    List<String> lines = source.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      if (LEFTOVER.matcher(lines.get(i)).find()) {
        complain(i + 1, "left over: " + lines.get(i).strip());
      }
    }
  }

  private void checkTree() {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    List<String> options = List.of("-proc:none");
    JavacTask task =
        (JavacTask) compiler.getTask(null, null, null, options, null, List.of(new Text()));
    try {
      for (CompilationUnitTree unit : task.parse()) {
        new Scanner(unit, Trees.instance(task)).scan(unit, null);
      }
    } catch (IOException e) {
      throw new IllegalStateException("cannot parse " + path, e);
    }
  }

  private void complain(long line, String what) {
    complaints.add(path + ":" + line + ": " + what);
  }

  /** The source as the compiler wants it. */
  private final class Text extends SimpleJavaFileObject {
    Text() {
      super(URI.create("string:///Source.java"), JavaFileObject.Kind.SOURCE);
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return source;
    }
  }

  /** Finds what only the syntax tree tells: strings and comments may name anything. */
  private final class Scanner extends TreeScanner<Void, Void> {
    private final CompilationUnitTree unit;
    private final Trees trees;

    Scanner(CompilationUnitTree unit, Trees trees) {
      this.unit = unit;
      this.trees = trees;
    }

    @Override
    public Void visitMethod(MethodTree node, Void unused) {
      long lines = lastLine(node) - firstLine(node) + 1;
      if (lines > METHOD_LINES) {
        complain(firstLine(node), node.getName() + " has more than " + METHOD_LINES + " lines");
      }
      return super.visitMethod(node, null);
    }

    @Override
    public Void visitCatch(CatchTree node, Void unused) {
      if (node.getBlock().getStatements().isEmpty()) {
        complain(firstLine(node), "an exception is swallowed");
      }
      return super.visitCatch(node, null);
    }

    @Override
    public Void visitAnnotation(AnnotationTree node, Void unused) {
      if (node.getAnnotationType().toString().matches("(.*\\.)?Disabled")) {
        complain(firstLine(node), "a test is switched off");
      }
      return super.visitAnnotation(node, null);
    }

    @Override
    public Void visitMemberSelect(MemberSelectTree node, Void unused) {
      checkSleep(node, node.toString());
      if (node.getIdentifier().contentEquals("printStackTrace")) {
        complain(firstLine(node), "a stack trace belongs into the log");
      }
      return super.visitMemberSelect(node, null);
    }

    @Override
    public Void visitMemberReference(MemberReferenceTree node, Void unused) {
      checkSleep(node, node.getQualifierExpression() + "." + node.getName());
      return super.visitMemberReference(node, null);
    }

    private void checkSleep(Tree node, String name) {
      if (SLEEP.matcher(name).matches()) {
        complain(firstLine(node), "sleeps instead of waiting for the event");
      }
    }

    private long firstLine(Tree node) {
      return lineAt(trees.getSourcePositions().getStartPosition(unit, node));
    }

    private long lastLine(Tree node) {
      return lineAt(trees.getSourcePositions().getEndPosition(unit, node));
    }

    private long lineAt(long position) {
      return unit.getLineMap().getLineNumber(Math.max(0, position));
    }
  }
}
