import { Moon, Sun } from "lucide-react";
import { IconButton } from "./Button";
import { useTheme } from "./theme";

/** Turns the house lights on and off. */
export function ThemeSwitch() {
  const { theme, turn } = useTheme();
  return (
    <IconButton label={theme === "dark" ? "Daylight" : "Dark house"} onClick={turn}>
      {theme === "dark" ? <Sun aria-hidden /> : <Moon aria-hidden />}
    </IconButton>
  );
}
