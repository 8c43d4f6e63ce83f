// Apart from the page's own styles: a hundred small files each, of which a browser loads only those whose characters it shows.
import "@fontsource-variable/noto-sans-jp/index.css";
import "@fontsource-variable/noto-sans-sc/index.css";
